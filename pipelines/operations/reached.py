"""How far the queries have come: the offsets before which silver has done its work, and the
snapshot of bronze that quarantine has read to its end.
"""

from collections.abc import Mapping

from pyiceberg.table import Table as IcebergTable
from pyiceberg.table.snapshots import Snapshot
from pyspark.sql import DataFrame, SparkSession

from pipelines.base.errors import StaleRead
from pipelines.lake import catalog
from pipelines.streaming.checkpoints import START, Checkpoint
from pipelines.streaming.commits import Commits
from pipelines.streaming.offsets import TableOffset, TopicOffsets
from pipelines.table import Table

NO_SNAPSHOT = -1  # where a stream is that has begun to read a table before its first snapshot


def committed(spark: SparkSession, table: Table) -> DataFrame:
    """Return (partition, until) for the topic of a silver table: what lies before `until` its query
    will not read again.
    """
    start = catalog.property_of(spark, table, START)
    ends = refined_until(Checkpoint(spark, table.name), start, str(table.topic))
    return spark.createDataFrame(list(ends.items()), "partition int, until bigint")


def refined_until(commits: Commits, start: str | None, topic: str) -> Mapping[int, int]:
    """Return by partition the offset before which the query of a silver table will not read again.

    start: where a recovered query is to begin, as its table says; none where it was not recovered.
    """
    ends = commits.committed_of(topic)
    return TopicOffsets.from_json(start).of(topic) if start and not ends else ends


def examined_snapshot(examined: TableOffset | None, bronze: IcebergTable) -> int | None:
    """Return the newest snapshot of bronze that quarantine, which has come so far, has read to its
    end; None before the first.

    Raises StaleRead where that snapshot has expired.
    """
    if examined is None or examined.snapshot_id == NO_SNAPSHOT:
        return None
    snapshot = _snapshot(bronze, examined.snapshot_id)
    files = (
        snapshot.summary["total-data-files" if examined.scan_all_files else "added-data-files"] if snapshot.summary else None
    )
    if examined.position >= int(files or 0):
        return snapshot.snapshot_id
    if examined.scan_all_files or snapshot.parent_snapshot_id is None:
        return None
    return _snapshot(bronze, snapshot.parent_snapshot_id).snapshot_id


def _snapshot(bronze: IcebergTable, snapshot_id: int) -> Snapshot:
    snapshot = bronze.snapshot_by_id(snapshot_id)
    if snapshot is None:
        raise StaleRead(
            f"Snapshot {snapshot_id} of bronze.events, up to which quarantine has looked, has expired: "
            "run it again; if it stays so, see whether silver.quarantine runs (make status)."
        )
    return snapshot
