"""A supervised query starts again after a failure, however often, says why, and stops when
asked.
"""

import threading
from collections.abc import Callable
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
from pipelines.streaming.supervised_query import Query, SupervisedQuery


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


def failing_at(
    tries: set[int], error: Exception, begin: Callable[[SparkSession], StreamingQuery]
) -> tuple[list[int], Callable[[SparkSession], StreamingQuery]]:
    """The list of tries to start a query, and what starts it and fails at these, counted from 1."""
    made: list[int] = []

    def start(spark: SparkSession) -> StreamingQuery:
        made.append(len(made) + 1)
        if made[-1] in tries:
            raise error
        return begin(spark)

    return made, start


def a_query(
    spark: SparkSession,
    start: Callable[[SparkSession], StreamingQuery],
    stopping: threading.Event,
    job_runs: threading.Event | None = None,
) -> SupervisedQuery:
    """A query that is tried again soon."""
    return SupervisedQuery(spark, Query("of this test", start), stopping, job_runs, longest_pause_s=0.05)


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
    until(lambda: supervised.failure is None, "it has no failure any more")
    stopping.set()
    supervised.thread.join(60)

    assert not supervised.thread.is_alive()
    assert len(starts) == 2
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
    assert supervised.failure is None


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
    assert supervised.failure is None


def refusing(spark: SparkSession) -> StreamingQuery:
    raise CheckpointError("the checkpoint belongs to another table")


def test_a_job_of_which_nothing_can_start_ends_at_once(spark: SparkSession, stopping: threading.Event) -> None:
    queries = [a_query(spark, refusing, stopping) for _ in range(2)]
    with pytest.raises(CheckpointError, match="belongs to another table"):
        job.supervise(spark, queries, stopping)


def test_a_query_that_has_started_after_all_is_refused_no_longer(
    spark: SparkSession, tmp_path: Path, stopping: threading.Event
) -> None:
    starts, begin = counting(tmp_path, lambda batch, batch_id: None)
    tries, late = failing_at({1}, CheckpointError("not yet"), begin)
    supervised = a_query(spark, late, stopping)
    supervised.thread.start()
    until(lambda: bool(starts), "the query runs")
    until(lambda: supervised.refused is None, "nobody refuses it any more")
    assert len(tries) == 2


def test_a_query_that_cannot_start_takes_nobody_with_it(spark: SparkSession, tmp_path: Path, stopping: threading.Event) -> None:
    written: list[int] = []
    starts, start = counting(tmp_path, lambda batch, batch_id: written.append(batch_id))
    refused, runs = a_query(spark, refusing, stopping), a_query(spark, start, stopping)
    supervising = threading.Thread(target=job.supervise, args=[spark, [refused, runs], stopping], daemon=True)
    supervising.start()
    until(lambda: len(written) >= 2, "the other query writes")
    assert supervising.is_alive()
    assert refused.failure is not None
    assert refused.failure.cause == "the checkpoint belongs to another table"
    assert len(starts) == 1


def test_a_query_that_has_run_is_tried_again_when_a_service_is_away(
    spark: SparkSession, tmp_path: Path, stopping: threading.Event
) -> None:
    starts, begin = counting(tmp_path, lambda batch, batch_id: None)
    tries, start = failing_at({2}, ServiceUnreachable("the registry is away"), begin)
    supervised = a_query(spark, start, stopping)
    supervised.thread.start()
    until(lambda: len(starts) == 1, "the query runs")
    supervised.renew()
    until(lambda: len(tries) > 1, "the query starts anew")
    until(lambda: len(starts) > 1, "the query runs again")
    assert supervised.refused is None


def test_a_service_that_is_away_when_a_later_query_starts_is_waited_for(
    spark: SparkSession, tmp_path: Path, stopping: threading.Event
) -> None:
    job_runs = threading.Event()
    others, another = counting(tmp_path / "other", lambda batch, batch_id: None)
    starts, begin = counting(tmp_path / "late", lambda batch, batch_id: None)
    tries, late = failing_at({1}, ServiceUnreachable("the broker took too long to answer"), begin)
    a_query(spark, another, stopping, job_runs).thread.start()
    until(job_runs.is_set, "a query of the job runs")
    supervised = a_query(spark, late, stopping, job_runs)
    supervised.thread.start()
    until(lambda: bool(starts), "the late query runs")
    assert (len(others), len(tries), supervised.refused) == (1, 2, None)


def test_a_failure_to_report_is_let_pass_once(spark: SparkSession, stopping: threading.Event) -> None:
    tries: list[int] = []

    def start(spark: SparkSession) -> StreamingQuery:
        tries.append(len(tries))
        if len(tries) == 4:
            stopping.set()
        raise PySparkException(f"None of {supervised_query.REPORTING_FAILURE}")

    supervised = a_query(spark, start, stopping)
    supervised.thread.start()
    supervised.thread.join(60)
    assert supervised.failure is not None
    assert (len(tries), supervised.failure.times) == (4, 2)


@pytest.mark.parametrize("error", [KeyError("nobody thought of it"), FileNotFoundError(2, "No such file", "model.ubj")])
def test_an_error_that_nobody_foresaw_is_said_and_tried_again(
    spark: SparkSession, tmp_path: Path, stopping: threading.Event, error: Exception
) -> None:
    starts, begin = counting(tmp_path, lambda batch, batch_id: None)
    _, start = failing_at({1, 2, 3, 4}, error, begin)
    supervised = a_query(spark, start, stopping)
    with capture_logs() as logs:
        supervised.thread.start()
        until(lambda: bool(starts), "the query runs")
    failed = [line for line in logs if line["event"] == "query_failed"]
    assert [line["times"] for line in failed] == [1, 2, 3, 4]
    assert [line["log_level"] for line in failed] == ["warning", "warning", "error", "error"]
    assert {line["cause"] for line in failed} == {str(error)}
    assert len({line["since"] for line in failed}) == 1


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
    assert (len(tries), supervised.failure, logs) == (1, None, [])


def test_a_batch_that_always_fails_is_named_with_its_true_cause_and_place(
    spark: SparkSession, tmp_path: Path, stopping: threading.Event
) -> None:
    def write(batch: DataFrame, batch_id: int) -> None:
        batch.selectExpr("CAST(2000000000 + value AS INT) + 2000000000").collect()

    _, start = counting(tmp_path, write)
    supervised = a_query(spark, start, stopping)
    supervised.thread.start()
    until(lambda: supervised.failure is not None and supervised.failure.times > 1, "the batch fails again", within_s=120)
    assert supervised.failure is not None
    assert "ARITHMETIC_OVERFLOW" in supervised.failure.cause
    assert "\n" not in supervised.failure.cause
    assert supervised.failure.batch is not None
    assert supervised.failure.batch[0] != supervised.failure.batch[1]


def test_pauses_grow_until_they_are_long_enough(
    spark: SparkSession, stopping: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []

    def waited(one: threading.Event, other: threading.Event, within_s: float) -> None:
        pauses.append(within_s)
        if len(pauses) == 9:
            stopping.set()

    monkeypatch.setattr(supervised_query, "wait_for_either", waited)
    supervised = SupervisedQuery(spark, Query("of this test", refusing), stopping)
    supervised.thread.start()
    supervised.thread.join(60)
    assert pauses == [2, 4, 8, 16, 32, 64, 128, 240, 240]
