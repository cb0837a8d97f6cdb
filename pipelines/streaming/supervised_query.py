"""A query under supervision: started again from its checkpoint after a failure, however often, or
when a topic has got a new schema.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from pyspark.sql import SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from pipelines.base import logs
from pipelines.base.errors import EngineLost, ServiceUnreachable, StandsStill, TidemarkError
from pipelines.streaming import jvm
from pipelines.streaming.failing_record import Stopped, Trial, failing_record
from pipelines.streaming.records import Record
from pipelines.streaming.skips import Skips
from pipelines.streaming.status_server import FAILS, RUNS, STARTS, Status
from pipelines.streaming.watchdog import LOOK_EVERY_S as LOOK_AT_EVERY_S
from pipelines.streaming.watchdog import STANDS_STILL_AFTER_S, BatchWatch

log = logs.get(__name__)

LOOK_EVERY_S = 0.5
LONGEST_PAUSE_S = 240.0
MOST_DOUBLINGS = 10  # how often a pause grows, at most
ERROR_AFTER = 3  # failures in a row; what passes by itself has passed then
# SPARK-55271: after a kill, Spark 4.1.1 does the interrupted Kafka batch again, commits it, and
# then fails to report on it.
REPORTING_FAILURE = "scala.Option.get()"
DRAIN_S = 15.0
SEARCH_FROM = 2  # failures in a row; one may be of the machine and not of a record
SKIPS_EVERY_S = 2.0  # how often a query that waits looks whether it is to pass over a record
# One at a time looks for its record: each does its batch again, several times over.
_searching = threading.Lock()


@dataclass(frozen=True)
class Query:
    """A streaming query of a job: its name, that of what it writes, what starts it, how its batch
    is tried without writing where that can be done, the topics whose records it decodes, and those
    that it reads without decoding them.
    """

    name: str
    start: Callable[[SparkSession], StreamingQuery]
    trial: Trial | None = None
    topics: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()


@dataclass(frozen=True)
class Failure:
    """Why a query cannot go on, in one sentence; since when (seconds since 1970), how often in a
    row, where the batch begins and ends in which it fails, and at which record, where that is
    known.
    """

    cause: str
    since: float
    times: int
    batch: tuple[str, str] | None = None
    record: Record | None = None


class SupervisedQuery:
    """One query and the thread that supervises it: a query that fails is started again, after
    pauses that grow, as long as the job lives, and no other query is hurt by it.

    `failure` says why it does not go on, None while it does. `refused` says why it could not even
    start, which no retry mends: a job ends when that is so of all its queries. `job_runs` is set
    once a query of the same job runs: from then on a service that is away is waited for.
    """

    def __init__(
        self,
        spark: SparkSession,
        query: Query,
        stopping: threading.Event,
        job_runs: threading.Event | None = None,
        longest_pause_s: float = LONGEST_PAUSE_S,
        patience_s: float = STANDS_STILL_AFTER_S,
    ) -> None:
        self.spark, self.query, self.stopping = spark, query, stopping
        self.job_runs = job_runs or threading.Event()
        self.longest_pause_s, self.patience_s = longest_pause_s, patience_s
        self.failure: Failure | None = None
        self.refused: TidemarkError | None = None
        self.has_run = False
        self.has_failed_to_report = False
        self.searched: tuple[tuple[str, str], tuple[Record, ...]] | None = None
        self.outdated = threading.Event()
        self.thread = threading.Thread(target=self._live, name=query.name, daemon=True)

    def renew(self) -> None:
        """Have the query stopped between two batches and started again, with what has changed
        since.
        """
        self.outdated.set()

    def status(self) -> Status:
        """Return how the query is."""
        failure = self.failure
        if failure is None:
            return Status(self.query.name, RUNS if self.has_run else STARTS)
        return Status(self.query.name, FAILS, **vars(failure))

    def _live(self) -> None:
        while not self.stopping.is_set():
            try:
                with jvm.needed(self.spark):
                    self._run()
            except EngineLost:
                return  # the job sees it too, and logs it once for all its queries
            except (TidemarkError, *jvm.SPARK_ERRORS) as error:
                if REPORTING_FAILURE in jvm.sentence(error) and not self.has_failed_to_report:
                    self.has_failed_to_report = True
                    log.info("interrupted_batch_done", action="query starts again")
                else:
                    self._failed(error)
            except Exception as error:  # what nobody foresaw must not end the thread in silence
                log.error("not_foreseen", query=self.query.name, exc_info=error)
                self._failed(error)

    def _run(self) -> None:
        """Start the query and return when it was asked to stop or renew; raise its error when it
        failed.
        """
        self.spark.sparkContext.setLocalProperty(jvm.POOL, self.query.name)
        # Before the start, which takes seconds: who asks for a renewal meanwhile gets it.
        self.outdated.clear()
        query = self.query.start(self.spark)
        self.has_run, self.refused = True, None
        self.job_runs.set()
        log.info("query_started", query=query.name)
        self._watch(query)

    def _watch(self, query: StreamingQuery) -> None:
        """Return when the query was asked to stop or renew; raise its error when it failed, and
        StandsStill where its batch does not move.
        """
        watch = BatchWatch(self.spark, query, every_s=min(LOOK_AT_EVERY_S, self.patience_s / 2))
        while query.isActive:
            if self.failure and query.lastProgress is not None:
                log.info("query_goes_on", query=self.query.name, failed_times=self.failure.times)
                self.failure = None
            # Longer each time: what takes so long by itself is then let end.
            still_s = watch.stands_still_s()
            if still_s >= self.patience_s * 2 ** min(self._times(), MOST_DOUBLINGS):
                stop(query, drain_s=0)
                raise StandsStill(f"Nothing has moved in its batch for {still_s:.0f} s; it was begun anew.")
            if self.stopping.wait(LOOK_EVERY_S) or self.outdated.is_set():
                stop(query)
                return
        error = jvm.failure_of(query)
        if error is not None:
            raise error

    def _failed(self, error: Exception) -> None:
        """Log the failure and wait: longer each time, but no longer than until the query is to stop
        or to start anew.
        """
        if self.stopping.is_set():
            return  # what fails because it was stopped
        before = self.failure or Failure("", time.time(), 0)
        batch = jvm.failed_batch(error)
        record = before.record if batch == before.batch else None
        self.failure = Failure(jvm.innermost(error), before.since, before.times + 1, batch, record)
        self.refused = error if isinstance(error, TidemarkError) and self._is_pointless_to_retry(error) else None
        pause_s = min(2.0 ** min(self.failure.times, MOST_DOUBLINGS), self.longest_pause_s)
        say = log.warning if self.failure.times < ERROR_AFTER else log.error
        say("query_failed", query=self.query.name, **as_logged(self.failure), again_in_s=pause_s)
        self._search(self.failure)
        self._pause(pause_s)

    def _search(self, failure: Failure) -> None:
        """Find the record at which the batch fails, once for each batch that fails again, and once
        more after a record of it was skipped.
        """
        if failure.batch is None or failure.times < SEARCH_FROM or not self.query.trial:
            return
        searched = (failure.batch, tuple(Skips(self.spark, self.query.name).records()))
        if searched == self.searched:
            return
        try:
            with _searching:
                record = failing_record(self.spark, self.query.name, self.query.trial, lambda: not self._is_interrupted())
        except Stopped:
            return
        except Exception as error:  # what is not found leaves the failure as it is
            log.warning("record_not_found", query=self.query.name, exc_info=error)
            return
        self.searched = searched
        self.failure = replace(failure, record=record)
        log.error("query_fails_at", query=self.query.name, record=str(record or "no single record"), cause=failure.cause)

    def _pause(self, pause_s: float) -> None:
        """Wait for `pause_s` seconds, or until the query is to stop, to start anew, or to pass over
        a record more.
        """
        if not (self.failure and self.failure.record):
            wait_for_either(self.stopping, self.outdated, pause_s)
            return
        until, skips = time.monotonic() + pause_s, Skips(self.spark, self.query.name)
        before = skips.records()
        while not self._is_interrupted() and skips.records() == before and (left := until - time.monotonic()) > 0:
            wait_for_either(self.stopping, self.outdated, min(left, SKIPS_EVERY_S))

    def _is_interrupted(self) -> bool:
        return self.stopping.is_set() or self.outdated.is_set()

    def _times(self) -> int:
        return self.failure.times if self.failure else 0

    def _is_pointless_to_retry(self, error: TidemarkError) -> bool:
        """Return whether a retry is pointless: the query has never run and the error is not a
        passing outage. A service that the job's other queries have reached is one.
        """
        is_outage = isinstance(error, ServiceUnreachable) and self.job_runs.is_set()
        return not self.has_run and not is_outage


def as_logged(failure: Failure) -> dict[str, object]:
    """Return a failure's fields, the record in one word."""
    return {**vars(failure), "record": str(failure.record) if failure.record else None}


def wait_for_either(one: threading.Event, other: threading.Event, within_s: float) -> None:
    """Return when one of two events is set, or after `within_s` seconds."""
    until = time.monotonic() + within_s
    while not other.is_set() and (left := until - time.monotonic()) > 0:
        if one.wait(min(left, LOOK_EVERY_S)):
            return


def stop(query: StreamingQuery, drain_s: float = DRAIN_S) -> None:
    """Stop a query, between two batches if it gets there within `drain_s` seconds; a batch cut
    short is done again at the next start.
    """
    until = time.monotonic() + drain_s
    while query.isActive and query.status["isTriggerActive"] and time.monotonic() < until:
        time.sleep(0.05)
    query.stop()
