"""A query under supervision: started again from its checkpoint after a failure or when a topic has
got a new schema.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from pyspark.sql import SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from pipelines.base import logs
from pipelines.base.errors import EngineLost, ServiceUnreachable, TidemarkError
from pipelines.streaming import jvm

log = logs.get(__name__)

LOOK_EVERY_S = 0.5
LONGEST_PAUSE_S = 30.0
HEALTHY_AFTER_S = 120.0
ATTEMPTS = 8
# SPARK-55271: after a kill, Spark 4.1.1 does the interrupted Kafka batch again, commits it, and
# then fails to report on it.
REPORTING_FAILURE = "scala.Option.get()"
DRAIN_S = 15.0


@dataclass(frozen=True)
class Query:
    """A streaming query of a job: its name, that of what it writes, and what starts it."""

    name: str
    start: Callable[[SparkSession], StreamingQuery]


class SupervisedQuery:
    """One query and the thread that supervises it.

    `error` says why the query was given up, and then `stopping` is set for all. `job_runs` is set
    once a query of the same job runs: from then on a service that is away is waited for.
    """

    def __init__(
        self,
        spark: SparkSession,
        query: Query,
        stopping: threading.Event,
        job_runs: threading.Event | None = None,
        attempts: int = ATTEMPTS,
        longest_pause_s: float = LONGEST_PAUSE_S,
    ) -> None:
        self.spark, self.query, self.stopping = spark, query, stopping
        self.job_runs = job_runs or threading.Event()
        self.attempts, self.longest_pause_s = attempts, longest_pause_s
        self.error: Exception | None = None
        self.failures = 0
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
            began = time.monotonic()
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
                    self._failed(error, time.monotonic() - began)
            except Exception as error:  # what nobody foresaw must not end the thread in silence
                log.error("not_foreseen", query=self.query.name, exc_info=error)
                self._give_up(error)

    def _run(self) -> None:
        """Start the query and return when it was asked to stop or renew; raise its error when it
        failed.
        """
        self.spark.sparkContext.setLocalProperty(jvm.POOL, self.query.name)
        # Before the start, which takes seconds: who asks for a renewal meanwhile gets it.
        self.outdated.clear()
        query = self.query.start(self.spark)
        self.has_run = True
        self.job_runs.set()
        log.info("query_started", query=query.name)
        self._watch(query)

    def _watch(self, query: StreamingQuery) -> None:
        """Return when the query was asked to stop or renew; raise its error when it failed."""
        while query.isActive:
            if self.stopping.wait(LOOK_EVERY_S) or self.outdated.is_set():
                stop(query)
                return
        error = query.exception()
        if error is not None:
            raise error

    def _failed(self, error: Exception, lived_s: float) -> None:
        self.failures = 1 if lived_s > HEALTHY_AFTER_S else self.failures + 1
        if self._is_pointless_to_retry(error) or self.failures >= self.attempts:
            self._give_up(error)
        else:
            log.warning("query_failed", query=self.query.name, failures=self.failures, error=jvm.sentence(error))
            self.stopping.wait(min(2.0**self.failures, self.longest_pause_s))

    def _is_pointless_to_retry(self, error: Exception) -> bool:
        """Return whether a retry is pointless: the query has never run and the error is not a
        passing outage. A service that the job's other queries have reached is one.
        """
        is_outage = isinstance(error, ServiceUnreachable) and self.job_runs.is_set()
        return isinstance(error, TidemarkError) and not self.has_run and not is_outage

    def _give_up(self, error: Exception) -> None:
        log.error("query_given_up", query=self.query.name, failures=self.failures, error=jvm.sentence(error))
        self.error = error
        self.stopping.set()


def stop(query: StreamingQuery) -> None:
    """Stop a query, between two batches if it gets there in time; a batch cut short is done again
    at the next start.
    """
    until = time.monotonic() + DRAIN_S
    while query.isActive and query.status["isTriggerActive"] and time.monotonic() < until:
        time.sleep(0.05)
    query.stop()
