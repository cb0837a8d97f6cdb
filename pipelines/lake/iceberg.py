"""What is asked of Iceberg's own library, which knows a table better than SQL tells."""

from collections.abc import Iterator
from typing import Any, cast

from pyspark.sql import SparkSession

from pipelines.base.settings import settings
from pipelines.lake.catalog import full_name
from pipelines.table import Table

# What Iceberg's own sink writes into the summary of a snapshot: the query that made it, and the
# number of its batch.
QUERY, EPOCH = "spark.sql.streaming.queryId", "spark.sql.streaming.epochId"


def loaded(spark: SparkSession, table: Table) -> Any:
    """Return the table as Iceberg's own library knows it now (org.apache.iceberg.Table)."""
    return _loaded(spark, full_name(table))


def has_come_from(spark: SparkSession, name: str, snapshot_id: int) -> bool:
    """Return whether the table of that name is the snapshot of that id, or has come from it: one
    that somebody has taken back may be there, but nothing comes behind it.
    """
    found = _loaded(spark, f"{settings().catalog.name}.{name}")
    if found.currentSnapshot() is None or found.snapshot(snapshot_id) is None:
        return False
    return bool(cast(Any, spark._jvm).org.apache.iceberg.util.SnapshotUtil.isAncestorOf(found, snapshot_id))


def last_epoch(spark: SparkSession, table: Table, query_id: str) -> int:
    """Return the number of the last batch that a query has appended to the table by Iceberg's own
    sink; -1 where there is none.
    """
    for snapshot in ancestors(loaded(spark, table)):
        summary = snapshot.summary()
        if summary.get(QUERY) == query_id:
            return int(summary.get(EPOCH))
    return -1


def _loaded(spark: SparkSession, name: str) -> Any:
    util = cast(Any, spark._jvm).org.apache.iceberg.spark.Spark3Util
    found = util.loadIcebergTable(cast(Any, spark)._jsparkSession, name)
    found.refresh()
    return found


def commits(spark: SparkSession, table: Table) -> int:
    """Return how many commits the table has seen."""
    snapshot = loaded(spark, table).currentSnapshot()
    return int(snapshot.sequenceNumber()) if snapshot else 0


def remove_dangling_deletes(spark: SparkSession, found: Any) -> None:
    """Remove the delete files of a loaded table whose data files were compacted away: each merge
    would read their names.

    The option of Iceberg's procedure runs a Spark task for each list of files; this looks in the
    driver.
    """
    found.refresh()
    cast(Any, spark._jvm).org.apache.iceberg.actions.RemoveDanglingDeleteFilesAction(found).execute()


def ancestors(found: Any) -> Iterator[Any]:
    """Yield the snapshots of a loaded table, the newest first."""
    snapshot = found.currentSnapshot()
    while snapshot is not None:
        yield snapshot
        snapshot = found.snapshot(snapshot.parentId()) if snapshot.parentId() is not None else None
