"""A kept query starts again after a failure, gives up on what cannot start, and stops when asked."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.streaming.query import StreamingQuery
from waiting import until

from pipelines import kept_query
from pipelines.errors import CheckpointError, EngineLost
from pipelines.kept_query import KeptQuery, sentence


@pytest.fixture
def stopping() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def counting(
    folder: Path, write: Callable[[DataFrame, int], None]
) -> tuple[list[str], Callable[[SparkSession], StreamingQuery]]:
    """A query over Spark's own rate source, and the list of its starts."""
    starts: list[str] = []

    def start(spark: SparkSession) -> StreamingQuery:
        rows = spark.readStream.format("rate").load()
        query = rows.writeStream.foreachBatch(write).option("checkpointLocation", str(folder / "checkpoint")).start()
        starts.append(str(query.runId))
        return query

    return starts, start


def test_a_query_that_fails_starts_again_and_ends_when_asked(
    spark: SparkSession, tmp_path: Path, stopping: threading.Event
) -> None:
    written: list[int] = []

    def write(batch: DataFrame, batch_id: int) -> None:
        written.append(batch_id)
        if len(written) == 1:
            raise ValueError("the first time is hard")

    starts, start = counting(tmp_path, write)
    kept = KeptQuery(spark, start, stopping)
    kept.thread.start()
    until(lambda: len(written) >= 3, "the query goes on after its failure")
    stopping.set()
    kept.thread.join(60)

    assert not kept.thread.is_alive()
    assert (len(starts), kept.failures, kept.error) == (2, 1, None)
    assert written[0] == written[1], "the failed batch was done again"


def test_renewing_starts_the_query_again_without_a_failure(
    spark: SparkSession, tmp_path: Path, stopping: threading.Event
) -> None:
    starts, start = counting(tmp_path, lambda batch, batch_id: None)
    kept = KeptQuery(spark, start, stopping)
    kept.thread.start()
    until(lambda: len(starts) == 1, "the query runs")
    until(lambda: kept.renew() is None and len(starts) == 2, "the query runs anew")
    assert kept.failures == 0


def test_what_cannot_start_ends_the_job_at_once(spark: SparkSession, stopping: threading.Event) -> None:
    def start(spark: SparkSession) -> StreamingQuery:
        raise CheckpointError("the checkpoint belongs to another table")

    kept = KeptQuery(spark, start, stopping)
    kept.thread.start()
    kept.thread.join(60)
    assert stopping.is_set()
    assert isinstance(kept.error, CheckpointError)


def test_a_lost_java_process_ends_the_job_at_once(spark: SparkSession, stopping: threading.Event) -> None:
    def start(spark: SparkSession) -> StreamingQuery:
        raise ConnectionRefusedError(111, "Connection refused")

    kept = KeptQuery(spark, start, stopping)
    kept.thread.start()
    kept.thread.join(60)
    assert stopping.is_set()
    assert isinstance(kept.error, EngineLost)


def test_a_query_that_always_fails_is_given_up(
    spark: SparkSession, stopping: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_query, "ATTEMPTS", 2)

    def start(spark: SparkSession) -> StreamingQuery:
        spark.table("there.is.no.such.table")
        raise AssertionError("not reached")

    kept = KeptQuery(spark, start, stopping)
    kept.thread.start()
    kept.thread.join(60)
    assert stopping.is_set()
    assert kept.failures == 2
    assert "there" in sentence(kept.error or Exception())


def test_a_sentence_is_an_error_s_first_line() -> None:
    assert sentence(ValueError("one\ntwo")) == "one"
    assert sentence(ValueError()) == "ValueError()"
