"""A query under supervision: started again from its checkpoint after a failure, however often, or
when a topic has got a new schema.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

from pyspark.sql import SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from pipelines.base import logs
from pipelines.base.errors import EngineLost, ServiceUnreachable, TidemarkError
from pipelines.streaming import jvm

log = logs.get(__name__)

LOOK_EVERY_S = 0.5
LONGEST_PAUSE_S = 240.0
MOST_DOUBLINGS = 10  # how often a pause grows, at most
ERROR_AFTER = 3  # failures in a row; what passes by itself has passed then
# SPARK-55271: after a kill, Spark 4.1.1 does the interrupted Kafka batch again, commits it, and
# then fails to report on it.
REPORTING_FAILURE = "scala.Option.get()"
DRAIN_S = 15.0


@dataclass(frozen=True)
class Query:
    """A streaming query of a job: its name, that of what it writes, what starts it, and the topics
    whose records it decodes.
    """

    name: str
    start: Callable[[SparkSession], StreamingQuery]
    topics: tuple[str, ...] = ()


@dataclass(frozen=True)
class Failure:
    """Why a query cannot go on, in one sentence; since when (seconds since 1970), how often in a
    row, and where the batch begins and ends in which it fails, where that is known.
    """

    cause: str
    since: float
    times: int
    batch: tuple[str, str] | None = None


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
    ) -> None:
        self.spark, self.query, self.stopping = spark, query, stopping
        self.job_runs = job_runs or threading.Event()
        self.longest_pause_s = longest_pause_s
        self.failure: Failure | None = None
        self.refused: TidemarkError | None = None
        self.has_run = False
        self.has_failed_to_report = False
        self.outdated = threading.Event()
        self.thread = threading.Thread(target=self._live, name=query.name, daemon=True)

    def renew(self) -> None:
        """Have the query stopped between two batches and started again, with what has changed
        since.
        """
        self.outdated.set()

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
        """Return when the query was asked to stop or renew; raise its error when it failed."""
        while query.isActive:
            if self.failure and query.lastProgress is not None:
                log.info("query_goes_on", query=self.query.name, failed_times=self.failure.times)
                self.failure = None
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
        self.failure = Failure(jvm.innermost(error), before.since, before.times + 1, jvm.failed_batch(error))
        self.refused = error if isinstance(error, TidemarkError) and self._is_pointless_to_retry(error) else None
        pause_s = min(2.0 ** min(self.failure.times, MOST_DOUBLINGS), self.longest_pause_s)
        say = log.warning if self.failure.times < ERROR_AFTER else log.error
        say("query_failed", query=self.query.name, **asdict(self.failure), again_in_s=pause_s)
        wait_for_either(self.stopping, self.outdated, pause_s)

    def _is_pointless_to_retry(self, error: TidemarkError) -> bool:
        """Return whether a retry is pointless: the query has never run and the error is not a
        passing outage. A service that the job's other queries have reached is one.
        """
        is_outage = isinstance(error, ServiceUnreachable) and self.job_runs.is_set()
        return not self.has_run and not is_outage


def wait_for_either(one: threading.Event, other: threading.Event, within_s: float) -> None:
    """Return when one of two events is set, or after `within_s` seconds."""
    until = time.monotonic() + within_s
    while not other.is_set() and (left := until - time.monotonic()) > 0:
        if one.wait(min(left, LOOK_EVERY_S)):
            return


def stop(query: StreamingQuery) -> None:
    """Stop a query, between two batches if it gets there in time; a batch cut short is done again
    at the next start.
    """
    until = time.monotonic() + DRAIN_S
    while query.isActive and query.status["isTriggerActive"] and time.monotonic() < until:
        time.sleep(0.05)
    query.stop()
