"""What lives beside the queries goes on whatever fails, and ends with the job."""

import threading
from collections.abc import Callable

import pytest
from pyspark.sql import SparkSession
from structlog.testing import capture_logs

from pipelines.base.errors import ServiceUnreachable
from pipelines.streaming import jvm
from pipelines.streaming.companions import Companion


def fails_with(error: Exception, stop: threading.Event, times: int) -> Callable[[SparkSession], None]:
    """A task that always fails, and sets `stop` when it was done so many times."""
    left = iter(range(times - 1))

    def task(spark: SparkSession) -> None:
        if next(left, None) is None:
            stop.set()
        raise error

    return task


@pytest.mark.parametrize("error", [RuntimeError("unforeseen"), KeyError("unforeseen")])
def test_what_nobody_foresaw_does_not_end_it(spark: SparkSession, error: Exception) -> None:
    stop = threading.Event()
    with capture_logs() as logs:
        Companion("upkeep", 0.0, {"silver.orders": fails_with(error, stop, times=3)}, stop).live(spark)
    unforeseen = [(line["event"], line["task"], line["exc_info"]) for line in logs]
    assert unforeseen == [("task_failed_unforeseen", "silver.orders", error)] * 3


def test_a_failure_is_one_sentence_and_the_other_tasks_are_done(spark: SparkSession) -> None:
    stop, done = threading.Event(), list[str]()
    failing = fails_with(ServiceUnreachable("the store is away"), threading.Event(), times=9)

    def last(spark: SparkSession) -> None:
        done.append("last")
        stop.set()

    with capture_logs() as logs:
        Companion("sellers", 0.0, {"first": failing, "last": last}, stop).live(spark)
    assert done == ["last"]
    assert [(line["event"], line["task"], line["error"]) for line in logs] == [("task_failed", "first", "the store is away")]


def test_it_ends_with_sparks_java(spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jvm, "lost", lambda spark: True)
    with capture_logs() as logs:
        Companion("upkeep", 0.0, {"any": fails_with(OSError("gone"), threading.Event(), times=9)}).live(spark)
    assert logs == []


def test_its_work_is_a_pool_of_its_own(spark: SparkSession) -> None:
    stop, pools = threading.Event(), list[str | None]()

    def note(spark: SparkSession) -> None:
        pools.append(spark.sparkContext.getLocalProperty(jvm.POOL))
        stop.set()

    thread = threading.Thread(target=Companion("upkeep", 0.0, {"note": note}, stop).live, args=[spark])
    thread.start()
    thread.join()
    assert pools == ["upkeep"]
