"""The live page: what the shop sells and what the streams do, read from gold through Trino. Imports nothing of ours."""
