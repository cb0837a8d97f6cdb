"""Rewrites the small files of a table into larger ones.

The upkeep (pipelines/operations/upkeep.py) does so for bronze and silver, the query that merges a
table for gold (`upsert` in pipelines/streaming/writes.py).
"""

from pyspark.sql import SparkSession

from pipelines.base.settings import settings
from pipelines.lake import iceberg, layout
from pipelines.lake.catalog import full_name, quoted
from pipelines.table import Table

REWRITING = {
    "min-input-files": "8",
    # Larger files are left alone, so a row is not rewritten for ever, until so many of their rows
    # are deleted: a file of millions is not written anew for one order that changed.
    "min-file-size-bytes": str(8 * 1024 * 1024),
    "delete-ratio-threshold": "0.3",
}


def compact(spark: SparkSession, table: Table) -> int:
    """Rewrite the small files of a table into larger ones, with their deletes applied, and return
    how many bytes were rewritten; rows, snapshots and readers stay as they are.

    Streams skip what this commits. Appends may go on meanwhile; a MERGE may not.
    """
    found = iceberg.loaded(spark, table)
    # Once, after the table has got other partitions.
    chosen = {**REWRITING, "rewrite-all": "true"} if layout.is_old(found) else REWRITING
    options = ", ".join(f"{quoted(name)}, {quoted(value)}" for name, value in chosen.items())
    call = f"rewrite_data_files(table => {quoted(full_name(table))}, options => map({options}))"
    [rewritten] = spark.sql(f"CALL {settings().catalog.name}.system.{call}").collect()
    iceberg.remove_dangling_deletes(spark, found)
    return int(rewritten["rewritten_bytes_count"])


def rewrite_manifests(spark: SparkSession, table: Table) -> None:
    """Rewrite the lists of a table's files, so that none names a file that was compacted away."""
    call = f"rewrite_manifests(table => {quoted(full_name(table))})"
    spark.sql(f"CALL {settings().catalog.name}.system.{call}").collect()
