"""Waits until the queries that write tables have come to where their topics ended when the waiting
began.
"""

import threading
import time
from collections.abc import Mapping

from pyspark.sql import SparkSession

from pipelines.base import logs, shutdown
from pipelines.base.errors import ServiceUnreachable, ShuttingDown
from pipelines.base.settings import settings
from pipelines.kafka import topics
from pipelines.streaming.checkpoints import Checkpoint
from pipelines.table import Table

log = logs.get(__name__)

LOOK_EVERY_S = 1.0


def wait(spark: SparkSession, *tables: Table, patience_s: float = 120.0, stop: threading.Event = shutdown.requested) -> None:
    """Return once every table's query has committed all that its topic holds now.

    Raises ServiceUnreachable when none of them has come further for `patience_s` seconds, and
    ShuttingDown as soon as `stop` is set.
    """
    ends = {table: topics.end_offsets(settings().kafka, str(table.topic)) for table in tables}
    moved_at, last = time.monotonic(), dict[str, int]()
    while any((left := behind(spark, ends)).values()):
        if left != last:
            log.info("waiting_for_tables", records_behind=left)
            last, moved_at = left, time.monotonic()
        elif time.monotonic() - moved_at > patience_s:
            raise ServiceUnreachable(_stuck(left, patience_s))
        if stop.wait(LOOK_EVERY_S):
            raise ShuttingDown("Stopped while waiting for tables: start again when the streams run.")


def behind(spark: SparkSession, ends: Mapping[Table, Mapping[int, int]]) -> dict[str, int]:
    """Return how many records each table's query still has to commit up to `ends` (table,
    partition, offset).
    """
    return {
        table.name: missing(Checkpoint(spark, table.name).committed_of(str(table.topic)), end) for table, end in ends.items()
    }


def missing(committed: Mapping[int, int], ends: Mapping[int, int]) -> int:
    """Return how many records lie between offsets, both by partition; what was never committed
    begins at 0.
    """
    return sum(max(0, end - committed.get(partition, 0)) for partition, end in ends.items())


def _stuck(left: Mapping[str, int], patience_s: float) -> str:
    behind = ", ".join(f"{name} is {records} records behind its topic" for name, records in left.items() if records)
    return (
        f"Waited in vain: {behind} and has not moved for {patience_s:g} s; "
        "start its query (jobs/streams/run_all.py), then try again."
    )
