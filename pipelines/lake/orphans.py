"""Removes what killed batches leave behind: files that no snapshot of a table names."""

from datetime import UTC, datetime, timedelta

from pyspark.sql import SparkSession

from pipelines.base.settings import settings
from pipelines.lake.catalog import full_name, quoted
from pipelines.table import Table


def remove_orphans(spark: SparkSession, table: Table) -> int:
    """Remove the files below a table's folder that none of its snapshots names, and return how many
    there were.

    Files that are younger than `[upkeep] orphans_kept_h` stay: a write in progress may name them
    yet.
    """
    before = datetime.now(UTC) - timedelta(hours=settings().upkeep.orphans_kept_h)
    when = f"TIMESTAMP '{before:%Y-%m-%d %H:%M:%S}+00:00'"
    call = f"remove_orphan_files(table => {quoted(full_name(table))}, older_than => {when})"
    return len(spark.sql(f"CALL {settings().catalog.name}.system.{call}").collect())
