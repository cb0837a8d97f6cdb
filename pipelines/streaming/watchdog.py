"""Notices what stands still without failing: a batch in which nothing moves, and a clock that was
set back, by which Spark waits for the next batch.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

from pyspark.sql import SparkSession
from pyspark.sql.streaming.query import StreamingQuery

LOOK_EVERY_S = 5.0
STANDS_STILL_AFTER_S = 50.0  # with a look before and one after it, noticed within a minute
STEP_S = 2.0  # time servers slew what is less


@dataclass
class BatchWatch:
    """Looks every so often whether a query's batch moves: whether jobs or tasks of it have ended
    since.
    """

    spark: SparkSession
    query: StreamingQuery
    every_s: float = LOOK_EVERY_S
    monotonic: Callable[[], float] = time.monotonic
    moved_at: float = field(init=False)
    looked_at: float = field(init=False)
    seen: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        self.moved_at = self.looked_at = self.monotonic()

    def stands_still_s(self) -> float:
        """Return for how long nothing has moved in the batch under way, 0 where none is."""
        now = self.monotonic()
        if now - self.looked_at >= self.every_s:
            self.looked_at = now
            seen = _progress(self.spark, self.query)
            if seen is None or seen != self.seen:
                self.seen, self.moved_at = seen, now
        return self.looked_at - self.moved_at


def _progress(spark: SparkSession, query: StreamingQuery) -> tuple[int, ...] | None:
    """Return what grows while a batch moves: its newest job and that job's tasks that are done;
    None where no batch is under way.
    """
    if not query.status["isTriggerActive"]:
        return None
    reported = cast(Any, query)._jsq.lastProgress()
    tracker = spark.sparkContext.statusTracker()
    jobs = sorted(tracker.getJobIdsForGroup(str(query.runId)))
    newest = tracker.getJobInfo(jobs[-1]) if jobs else None
    stages = [tracker.getStageInfo(stage) for stage in newest.stageIds] if newest else []
    done = sum(stage.numCompletedTasks for stage in stages if stage)
    return (int(reported.batchId()) if reported is not None else -1, jobs[-1] if jobs else -1, done)


@dataclass
class ClockWatch:
    """Compares the clock of the wall with the one that only goes forward."""

    wall: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    apart: float = field(init=False)

    def __post_init__(self) -> None:
        self.apart = self.wall() - self.monotonic()

    def set_back_s(self) -> float:
        """Return by how many seconds the clock was set back since the last look, 0 where it was
        not.
        """
        before, self.apart = self.apart, self.wall() - self.monotonic()
        return max(0.0, before - self.apart) if before - self.apart >= STEP_S else 0.0
