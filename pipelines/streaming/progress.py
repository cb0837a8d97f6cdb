"""Waits until the queries that write tables have come to where their topics ended when the waiting
began.
"""

import json
import threading
import time

from pyspark.sql import SparkSession

from pipelines.base import logs
from pipelines.base.errors import ServiceUnreachable
from pipelines.base.settings import settings
from pipelines.kafka import topics
from pipelines.streaming import checkpoints
from pipelines.table import Table

log = logs.get(__name__)

LOOK_EVERY_S = 1.0


def wait(spark: SparkSession, *tables: Table, patience_s: float = 120.0) -> None:
    """Return once every table's query has committed all that its topic holds now.

    Raises ServiceUnreachable when none of them has come further for `patience_s` seconds.
    """
    ends = {table.name: topics.end_offsets(settings().kafka, str(table.topic)) for table in tables}
    left: dict[str, int] = {}
    while any((now := behind(spark, ends)).values()):
        if now != left:
            log.info("waiting_for_tables", records_behind=now)
            left, moved_at = now, time.monotonic()
        elif time.monotonic() - moved_at > patience_s:
            raise ServiceUnreachable(_stuck(now, patience_s))
        threading.Event().wait(LOOK_EVERY_S)


def behind(spark: SparkSession, ends: dict[str, dict[int, int]]) -> dict[str, int]:
    """Return how many records each table's query still has to commit up to `ends` (table,
    partition, offset).
    """
    return {name: _missing(checkpoints.committed_offsets(spark, name), end) for name, end in ends.items()}


def _missing(committed: list[str], end: dict[int, int]) -> int:
    read = json.loads(committed[0]).values() if committed else []
    reached = {int(partition): offset for partitions in read for partition, offset in partitions.items()}
    return sum(max(0, offset - reached.get(partition, 0)) for partition, offset in end.items())


def _stuck(left: dict[str, int], patience_s: float) -> str:
    told = ", ".join(f"{name} is {records} records behind its topic" for name, records in left.items() if records)
    return (
        f"Waited in vain: {told} and has not moved for {patience_s:g} s; "
        "start its query (jobs/streams/run_all.py), then try again."
    )
