"""Waits, without Spark, until the query of a table that is aggregated has given all that follows
from what its topics hold when the waiting begins.
"""

import threading
import time
from collections.abc import Callable

from pyiceberg.catalog import Catalog
from pyiceberg.table.snapshots import Operation, Snapshot

from pipelines.base import logs, shutdown
from pipelines.base.errors import ServiceUnreachable, ShuttingDown
from pipelines.base.settings import settings
from pipelines.kafka import topics
from pipelines.lake import arrow
from pipelines.streaming.commits import ArrowCommits
from pipelines.streaming.offsets import TableOffset
from pipelines.streaming.progress import missing
from pipelines.table import Table

log = logs.get(__name__)

LOOK_EVERY_S = 1.0


def wait(
    catalogue: Catalog, source: Table, table: Table, patience_s: float = 300.0, stop: threading.Event = shutdown.requested
) -> None:
    """Return once `table`'s query has read all of `source`, a silver table, that its topic holds
    now, and has gone on to the watermark that follows from it.

    Raises ServiceUnreachable where nothing moves for `patience_s` seconds, and ShuttingDown as soon
    as `stop` is set.
    """
    ends = topics.end_offsets(settings().kafka, str(source.topic))
    commits, aggregated = ArrowCommits(source.name), ArrowCommits(table.name)
    patient = _Patience(patience_s, stop)
    patient.until(lambda: missing(commits.committed_of(str(source.topic)), ends), f"{source.name} to have all of its topic")
    newest = _newest_append(catalogue, source)
    patient.until(lambda: _unread(catalogue, source, table, aggregated, newest), f"{table.name} to read {source.name}")
    _, watermark_ms = aggregated.watermarks_ms()
    patient.until(lambda: max(watermark_ms - aggregated.watermarks_ms()[0], 0), f"the next batch of {table.name}")


class _Patience:
    """Waits for things that take their time, as long as something moves."""

    def __init__(self, patience_s: float, stop: threading.Event) -> None:
        self.patience_s, self.stop = patience_s, stop

    def until(self, left: Callable[[], int], what: str) -> None:
        """Return once nothing is left."""
        before, moved_at = -1, time.monotonic()
        while now := left():
            if now != before:
                log.info("waiting_for_table", awaited=what, left=now)
                before, moved_at = now, time.monotonic()
            elif time.monotonic() - moved_at > self.patience_s:
                raise ServiceUnreachable(
                    f"Waited in vain for {what}, of which nothing has moved for {self.patience_s:g} s; "
                    "start its query (jobs/streams/run_all.py), then try again."
                )
            if self.stop.wait(LOOK_EVERY_S):
                raise ShuttingDown(f"Stopped while waiting for {what}: start again when the streams run.")


def _newest_append(catalogue: Catalog, table: Table) -> Snapshot | None:
    """Return the newest snapshot that added rows to a table; None where there is none.

    What a compaction has written anew streams do not read.
    """
    found = arrow.find(catalogue, table)
    appends = (
        [each for each in found.snapshots() if each.summary and each.summary.operation == Operation.APPEND] if found else []
    )
    return max(appends, key=lambda each: each.sequence_number or 0, default=None)


def _unread(catalogue: Catalog, source: Table, table: Table, commits: ArrowCommits, until: Snapshot | None) -> int:
    """Return how many snapshots of `source` the query of `table` has still to read, or files of the
    last one.
    """
    if until is None:
        return 0
    found, read = arrow.find(catalogue, source), dict(zip(table.made_from, commits.committed_tables(), strict=False))
    at = read.get(source.name)
    snapshot = found.snapshot_by_id(at.snapshot_id) if found and at else None
    if at is None or snapshot is None:
        return until.sequence_number or 1
    ahead = (until.sequence_number or 0) - (snapshot.sequence_number or 0)
    return _files_left(at, snapshot) if ahead == 0 else max(ahead, 0)


def _files_left(at: TableOffset, snapshot: Snapshot) -> int:
    counted = "total-data-files" if at.scan_all_files else "added-data-files"
    files = snapshot.summary[counted] if snapshot.summary else None
    return max(int(files or 0) - at.position, 0)
