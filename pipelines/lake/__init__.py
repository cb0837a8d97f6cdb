"""Iceberg: the catalogue, how a table is compacted and merged into."""
