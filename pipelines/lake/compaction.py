"""Rewrites the small files of a table into larger ones.

The upkeep (pipelines/operations/upkeep.py) does so for bronze and silver, the query that merges a
table for gold (`upsert` in pipelines/streaming/writes.py).
"""

from pyspark.sql import SparkSession

from pipelines.base.settings import settings
from pipelines.lake.catalog import full_name, quoted
from pipelines.table import Table

REWRITING = {
    "min-input-files": "8",
    # Larger files are left alone, so a row is not rewritten for ever.
    "min-file-size-bytes": str(8 * 1024 * 1024),
    "delete-file-threshold": "1",
    "remove-dangling-deletes": "true",
}


def compact(spark: SparkSession, table: Table) -> None:
    """Rewrite the small files of a table into larger ones and apply its deletes; rows, snapshots
    and readers stay as they are.

    Streams skip what this commits. Appends may go on meanwhile; a MERGE may not.
    """
    options = ", ".join(f"{quoted(name)}, {quoted(value)}" for name, value in REWRITING.items())
    call = f"rewrite_data_files(table => {quoted(full_name(table))}, options => map({options}))"
    spark.sql(f"CALL {settings().catalog.name}.system.{call}").collect()


def rewrite_manifests(spark: SparkSession, table: Table) -> None:
    """Rewrite the lists of a table's files, so that none names a file that was compacted away."""
    call = f"rewrite_manifests(table => {quoted(full_name(table))})"
    spark.sql(f"CALL {settings().catalog.name}.system.{call}").collect()
