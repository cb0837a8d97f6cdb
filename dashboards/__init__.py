"""Two pages read from silver and gold through Trino: the shop, live, and fraud. Imports nothing of
ours.
"""
