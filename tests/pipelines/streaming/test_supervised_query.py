"""A supervised query starts again after a failure, gives up on what cannot start, and stops when
asked.
"""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from py4j.protocol import Py4JNetworkError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.streaming.query import StreamingQuery
from structlog.testing import capture_logs
from waiting import until

from pipelines.base.errors import CheckpointError, EngineLost, ServiceUnreachable
from pipelines.streaming import job, jvm, supervised_query
from pipelines.streaming.jvm import sentence
from pipelines.streaming.supervised_query import Query, SupervisedQuery


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


def a_query(
    spark: SparkSession,
    start: Callable[[SparkSession], StreamingQuery],
    stopping: threading.Event,
    job_runs: threading.Event | None = None,
) -> SupervisedQuery:
    """A query that is tried twice, without a pause."""
    return SupervisedQuery(spark, Query("of this test", start), stopping, job_runs, attempts=2, longest_pause_s=0.0)


def test_a_query_that_fails_starts_again_and_ends_when_asked(
    spark: SparkSession, tmp_path: Path, stopping: threading.Event
) -> None:
    written: list[int] = []

    def write(batch: DataFrame, batch_id: int) -> None:
        written.append(batch_id)
        if len(written) == 1:
            raise ValueError("the first time is hard")

    starts, start = counting(tmp_path, write)
    supervised = a_query(spark, start, stopping)
    supervised.thread.start()
    until(lambda: len(written) >= 3, "the query goes on after its failure")
    stopping.set()
    supervised.thread.join(60)

    assert not supervised.thread.is_alive()
    assert (len(starts), supervised.failures, supervised.error) == (2, 1, None)
    assert written[0] == written[1], "the failed batch was done again"


def test_renewing_starts_the_query_again_without_a_failure(
    spark: SparkSession, tmp_path: Path, stopping: threading.Event
) -> None:
    starts, start = counting(tmp_path, lambda batch, batch_id: None)
    supervised = a_query(spark, start, stopping)
    supervised.thread.start()
    until(lambda: len(starts) == 1, "the query runs")
    supervised.renew()
    until(lambda: len(starts) == 2, "the query runs anew")
    assert supervised.failures == 0


def test_a_renewal_asked_for_while_the_query_starts_is_not_forgotten(
    spark: SparkSession, tmp_path: Path, stopping: threading.Event
) -> None:
    starts, begin = counting(tmp_path, lambda batch, batch_id: None)

    def start(spark: SparkSession) -> StreamingQuery:
        if not starts:
            supervised.renew()
        return begin(spark)

    supervised = a_query(spark, start, stopping)
    supervised.thread.start()
    until(lambda: len(starts) == 2, "the query runs anew", within_s=60)
    assert supervised.failures == 0


def test_what_cannot_start_ends_the_job_at_once(spark: SparkSession, stopping: threading.Event) -> None:
    def start(spark: SparkSession) -> StreamingQuery:
        raise CheckpointError("the checkpoint belongs to another table")

    supervised = a_query(spark, start, stopping)
    supervised.thread.start()
    supervised.thread.join(60)
    assert stopping.is_set()
    assert isinstance(supervised.error, CheckpointError)


def test_a_query_that_has_run_is_tried_again_when_a_service_is_away(
    spark: SparkSession, tmp_path: Path, stopping: threading.Event
) -> None:
    starts, begin = counting(tmp_path, lambda batch, batch_id: None)
    tries: list[int] = []

    def start(spark: SparkSession) -> StreamingQuery:
        tries.append(len(tries))
        if len(tries) == 2:
            raise ServiceUnreachable("the registry is away")
        return begin(spark)

    supervised = a_query(spark, start, stopping)
    supervised.thread.start()
    until(lambda: len(starts) == 1, "the query runs")
    supervised.renew()
    until(lambda: len(tries) > 1, "the query starts anew")
    until(lambda: len(starts) > 1 or supervised.error is not None, "the query runs again")
    assert (supervised.failures, supervised.error) == (1, None)


def test_a_service_that_is_away_when_a_later_query_starts_is_waited_for(
    spark: SparkSession, tmp_path: Path, stopping: threading.Event
) -> None:
    job_runs = threading.Event()
    others, another = counting(tmp_path / "other", lambda batch, batch_id: None)
    starts, begin = counting(tmp_path / "late", lambda batch, batch_id: None)
    tries: list[int] = []

    def late(spark: SparkSession) -> StreamingQuery:
        tries.append(len(tries))
        if len(tries) == 1:
            raise ServiceUnreachable("the broker took too long to answer")
        return begin(spark)

    a_query(spark, another, stopping, job_runs).thread.start()
    until(job_runs.is_set, "a query of the job runs")
    supervised = a_query(spark, late, stopping, job_runs)
    supervised.thread.start()
    until(lambda: bool(starts) or supervised.error is not None, "the late query runs")
    assert (len(others), supervised.failures, supervised.error) == (1, 1, None)


def test_a_failure_to_report_is_let_pass_once(spark: SparkSession, stopping: threading.Event) -> None:
    tries: list[int] = []

    def start(spark: SparkSession) -> StreamingQuery:
        tries.append(len(tries))
        if len(tries) > 9:
            stopping.set()
        raise PySparkException(f"None of {supervised_query.REPORTING_FAILURE}")

    supervised = a_query(spark, start, stopping)
    supervised.thread.start()
    supervised.thread.join(60)
    assert (len(tries), supervised.failures) == (3, 2)
    assert supervised.error is not None


@pytest.mark.parametrize("error", [KeyError("nobody thought of it"), FileNotFoundError(2, "No such file", "model.ubj")])
def test_an_error_that_nobody_foresaw_ends_the_job_and_says_what_it_is(
    spark: SparkSession, stopping: threading.Event, error: Exception
) -> None:
    def start(spark: SparkSession) -> StreamingQuery:
        raise error

    supervised = a_query(spark, start, stopping)
    supervised.thread.start()
    supervised.thread.join(60)
    assert stopping.is_set()
    assert supervised.error is error


@pytest.mark.parametrize("error", [ConnectionRefusedError(111, "refused"), Py4JNetworkError("Answer from Java side is empty")])
def test_a_lost_java_process_ends_the_job_at_once(
    spark: SparkSession, stopping: threading.Event, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    tries: list[int] = []

    def start(spark: SparkSession) -> StreamingQuery:
        tries.append(len(tries))
        raise error

    monkeypatch.setattr(jvm, "lost", lambda spark: True)
    supervised = a_query(spark, start, stopping)
    with capture_logs() as logs, pytest.raises(EngineLost, match="start the job again"):
        job.supervise(spark, [supervised], stopping)
    supervised.thread.join(60)
    assert (len(tries), supervised.failures, logs) == (1, 0, [])


def test_a_query_that_always_fails_is_given_up(spark: SparkSession, stopping: threading.Event) -> None:
    def start(spark: SparkSession) -> StreamingQuery:
        spark.table("there.is.no.such.table")
        raise AssertionError("not reached")

    supervised = a_query(spark, start, stopping)
    supervised.thread.start()
    supervised.thread.join(60)
    assert stopping.is_set()
    assert supervised.failures == 2
    assert "there" in sentence(supervised.error or Exception())
