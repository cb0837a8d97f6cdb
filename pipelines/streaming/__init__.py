"""How queries run: sessions, checkpoints, what is read and written, and what keeps a query
running.
"""
