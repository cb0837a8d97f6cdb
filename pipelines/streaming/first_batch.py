"""Lets a query that begins late read all of a table whose first snapshots have been expired."""

from typing import Any, cast

from pyspark.sql import SparkSession

from pipelines.base.errors import CheckpointError
from pipelines.lake import compaction, iceberg
from pipelines.streaming.checkpoints import Checkpoint
from pipelines.streaming.offsets import TableOffset
from pipelines.table import Table

LARGEST_BATCH = 2**31 - 1  # rows; Iceberg counts those of a batch in an int
ATTEMPTS = 5


def rows_in_one_batch(spark: SparkSession, table: Table, into: Table) -> int | None:
    """Return how many rows the first batch of the query of `into` must take from a table; None
    where that does not matter.

    Iceberg begins a stream at the oldest snapshot there is, with the files that this one added.
    Where older ones have been expired, or somebody has deleted or changed rows since, the
    checkpoint (in which it looks first) is made to name a snapshot that shows the whole table.
    Raises CheckpointError when the table has more rows than a batch can take.
    """
    checkpoint, source = Checkpoint(spark, into.name), into.made_from.index(table.name)
    if checkpoint.committed():
        return None
    begun = checkpoint.began_at(source)
    found = iceberg.loaded(spark, table)
    if begun is None and (_has_lost_its_first_snapshot(spark, found) or _was_changed(found)):
        begun = _shown_whole(spark, table)
        checkpoint.begin_at(source, begun)
        found.refresh()
    # Iceberg 1.12 leaves out files when a batch goes on behind the snapshot that is shown whole:
    # the first ends with its rows.
    return _rows(found.snapshot(begun.snapshot_id), table, into) if begun and begun.scan_all_files else None


def _has_lost_its_first_snapshot(spark: SparkSession, found: Any) -> bool:
    snapshots = cast(Any, spark._jvm).org.apache.iceberg.util.SnapshotUtil
    return found.currentSnapshot() is not None and snapshots.oldestAncestor(found).parentId() is not None


def _was_changed(found: Any) -> bool:
    """Return whether rows were deleted or changed: its appends would show them as they were."""
    return any(snapshot.operation() in ("delete", "overwrite") for snapshot in found.snapshots())


def _shown_whole(spark: SparkSession, table: Table) -> TableOffset:
    """Return the offset of a snapshot that is an append and names every file of the table, and none
    that was compacted away.

    Iceberg would read again what a compaction has replaced: appends keep the manifests that list it
    as deleted.
    """
    for _ in range(ATTEMPTS):
        compaction.rewrite_manifests(spark, table)
        found = iceberg.loaded(spark, table)
        found.newFastAppend().commit()  # of nothing: a reader skips snapshots that are not appends
        snapshot = found.currentSnapshot()
        manifests = snapshot.dataManifests(found.io())
        if snapshot.operation() == "append" and not any(each.deletedFilesCount() for each in manifests):
            return TableOffset(snapshot.snapshotId(), position=0, scan_all_files=True)
    raise CheckpointError(f"{table.name} is being compacted again and again: start its new reader when that has ended.")


def _rows(snapshot: Any, table: Table, into: Table) -> int:
    rows = int(snapshot.summary()["total-records"])
    if rows > LARGEST_BATCH:
        raise CheckpointError(
            f"{table.name} has {rows:,} rows and {into.name} would have to begin with all of them in one batch, "
            f"which holds {LARGEST_BATCH:,}: restore the checkpoint of {into.name}."
        )
    return max(rows, 1)
