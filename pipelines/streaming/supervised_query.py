"""A query that is kept running: started again from its checkpoint after a failure or when a topic
has a new schema.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from py4j.protocol import Py4JError, Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from pipelines.base import logs
from pipelines.base.errors import EngineLost, ServiceUnreachable, TidemarkError
from pipelines.kafka import schema_registry
from pipelines.streaming import jvm

Start = Callable[[SparkSession], StreamingQuery]
log = logs.get(__name__)

# Each query is a pool of its own to Spark's fair scheduler: in one common pool the small wait
# behind the large.
POOL = "spark.scheduler.pool"
LOOK_EVERY_S = 0.5
REGISTRY_EVERY_S = 10.0
LONGEST_PAUSE_S = 30.0
HEALTHY_AFTER_S = 120.0
ATTEMPTS = 8
# SPARK-55271: after a kill, Spark 4.1.1 does the interrupted Kafka batch again, commits it, and
# then fails to report on it.
REPORTING_FAILURE = "scala.Option.get()"
DRAIN_S = 15.0


class KeptQuery:
    """One query and the thread that keeps it; `error` says why it was given up, and then `stopping`
    is set for all.

    `job_runs` is set once a query of the same job runs: from then on a service that is away is
    waited for.
    """

    def __init__(
        self, spark: SparkSession, start: Start, stopping: threading.Event, job_runs: threading.Event | None = None
    ) -> None:
        self.spark, self.start, self.stopping = spark, start, stopping
        self.job_runs = job_runs or threading.Event()
        self.error: Exception | None = None
        self.failures = 0
        self.has_run = False
        self.has_failed_to_report = False
        self.outdated = threading.Event()
        self.thread = threading.Thread(target=self._live, name=start.__module__, daemon=True)

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
                return  # the job sees it too, and tells it once for all its queries
            except (TidemarkError, PySparkException, Py4JError) as error:
                if REPORTING_FAILURE in sentence(error) and not self.has_failed_to_report:
                    self.has_failed_to_report = True
                    log.info("interrupted_batch_done", action="query starts again")
                else:
                    self._failed(error, time.monotonic() - began)
            except Exception as error:  # what nobody foresaw must not end the thread in silence
                log.error("not_foreseen", query=self.thread.name, exc_info=error)
                self._give_up(error)

    def _run(self) -> None:
        """Start the query and return when it was asked to stop or renew; raise its error when it
        failed.
        """
        self.spark.sparkContext.setLocalProperty(POOL, self.thread.name)
        # Before the start, which takes seconds: who asks for a renewal meanwhile gets it.
        self.outdated.clear()
        query = self.start(self.spark)
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
        if self._cannot_start(error) or self.failures >= ATTEMPTS:
            self._give_up(error)
        else:
            log.warning("query_failed", query=self.thread.name, failures=self.failures, error=sentence(error))
            self.stopping.wait(min(2.0**self.failures, LONGEST_PAUSE_S))

    def _cannot_start(self, error: Exception) -> bool:
        """Say whether trying again is in vain; what the others have reached, this one will reach
        too.
        """
        reachable = isinstance(error, ServiceUnreachable) and self.job_runs.is_set()
        return isinstance(error, TidemarkError) and not self.has_run and not reachable

    def _give_up(self, error: Exception) -> None:
        log.error("query_given_up", query=self.thread.name, failures=self.failures, error=sentence(error))
        self.error = error
        self.stopping.set()


@dataclass
class SchemaWatch:
    """Notices when a topic got a new schema, which running queries do not know yet."""

    looked_at: float

    def changed(self) -> bool:
        """Say whether a schema was registered since the queries looked theirs up; asks the registry
        now and then.
        """
        if time.monotonic() - self.looked_at < REGISTRY_EVERY_S:
            return False
        self.looked_at = time.monotonic()
        try:
            return schema_registry.forget_outdated()
        except TidemarkError as error:
            log.warning("registry_not_watched", error=str(error))
            return False


def stop(query: StreamingQuery) -> None:
    """Stop a query, between two batches if it gets there in time; a batch cut short is done again
    at the next start.
    """
    until = time.monotonic() + DRAIN_S
    while query.isActive and query.status["isTriggerActive"] and time.monotonic() < until:
        time.sleep(0.05)
    query.stop()


def sentence(error: Exception) -> str:
    """Return the first line of an error's text; of a Java error, what it says of itself."""
    text = str(error.java_exception.toString() if isinstance(error, Py4JJavaError) else error).strip()
    return text.splitlines()[0] if text else repr(error)
