"""What stands still without failing is noticed and begun anew."""

import os
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest
from pyspark.sql import SparkSession
from pyspark.sql.streaming.query import StreamingQuery
from structlog.testing import capture_logs
from waiting import until

from pipelines.streaming import job
from pipelines.streaming.supervised_query import Query, SupervisedQuery
from pipelines.streaming.watchdog import ClockWatch


def test_a_query_whose_python_worker_was_stopped_is_begun_anew(
    spark: SparkSession, tmp_path: Path, stopping: threading.Event
) -> None:
    pids = tmp_path / "pids"

    def start(spark: SparkSession) -> StreamingQuery:
        def note(frames: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
            with pids.open("a") as file:
                file.write(f"{os.getpid()}\n")
            if len(pids.read_text().split()) == 1:
                os.kill(os.getpid(), signal.SIGSTOP)
            yield from frames

        rows = (
            spark.readStream.format("rate")
            .option("numPartitions", 1)
            .load()
            .mapInPandas(note, "timestamp timestamp, value bigint")
        )
        return rows.writeStream.format("noop").option("checkpointLocation", str(tmp_path / "checkpoint")).start()

    supervised = SupervisedQuery(spark, Query("of this test", start), stopping, longest_pause_s=0.05, patience_s=4.0)
    with capture_logs() as logs:
        supervised.thread.start()
        until(lambda: pids.exists() and len(pids.read_text().split()) >= 3, "batches are done again", within_s=120)
        until(lambda: supervised.failure is None, "the query goes on", within_s=60)
    causes = [line["cause"] for line in logs if line["event"] == "query_failed"]
    assert causes
    assert "Nothing has moved" in causes[0]


def test_a_batch_that_moves_slowly_is_left_alone(spark: SparkSession, tmp_path: Path, stopping: threading.Event) -> None:
    ended = threading.Event()

    def write(batch: object, batch_id: int) -> None:
        for _ in range(8):  # each is a job, done within the patience; together they take longer
            spark.range(1).selectExpr("java_method('java.lang.Thread', 'sleep', 500L)").collect()
        ended.set()

    def start(spark: SparkSession) -> StreamingQuery:
        rows = spark.readStream.format("rate").load()
        return rows.writeStream.foreachBatch(write).option("checkpointLocation", str(tmp_path / "checkpoint")).start()

    supervised = SupervisedQuery(spark, Query("of this test", start), stopping, longest_pause_s=0.05, patience_s=2.0)
    with capture_logs() as logs:
        supervised.thread.start()
        until(ended.is_set, "the batch ends", within_s=120)
    assert not [line for line in logs if line["event"] == "query_failed"]


@dataclass
class Clock:
    now: float

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(("wall", "steady", "set_back_s"), [(-3600, 1, 3601), (-1, 1, 2), (1, 1, 0), (0.5, 1, 0), (3600, 1, 0)])
def test_a_clock_that_was_set_back_is_noticed_once(wall: float, steady: float, set_back_s: float) -> None:
    clock, monotonic = Clock(1_700_000_000.0), Clock(50.0)
    watch = ClockWatch(clock, monotonic)
    clock.now += wall
    monotonic.now += steady
    assert watch.set_back_s() == pytest.approx(set_back_s)
    clock.now += 1
    monotonic.now += 1
    assert watch.set_back_s() == 0


def test_a_clock_that_was_set_back_renews_every_query(
    spark: SparkSession, stopping: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    renewed: list[str] = []

    class Renewed(SupervisedQuery):
        def _live(self) -> None:
            """Do nothing."""

        def renew(self) -> None:
            renewed.append(self.query.name)
            stopping.set()

    steps = iter([0.0, 3600.0])
    monkeypatch.setattr(ClockWatch, "set_back_s", lambda self: next(steps))
    queries = [Renewed(spark, Query(name, lambda spark: None), stopping) for name in ("one", "other")]  # type: ignore[arg-type, return-value]
    with capture_logs() as logs:
        job.supervise(spark, queries, stopping)
    assert renewed == ["one", "other"]
    assert [line["seconds"] for line in logs if line["event"] == "clock_set_back"] == [3600]
