"""Runs a job as a process: queries live until SIGTERM, failed ones start again, errors are one
sentence.
"""

import threading
import time
from collections.abc import Callable, Iterable, Sequence

from pyspark.sql import SparkSession

from pipelines.base import exits, logs, shutdown
from pipelines.base.errors import EngineLost, TidemarkError
from pipelines.streaming import jvm, status_server, topic_watch
from pipelines.streaming.companions import Companion
from pipelines.streaming.schema_watch import SchemaWatch
from pipelines.streaming.session import spark_session
from pipelines.streaming.supervised_query import Query, SupervisedQuery
from pipelines.streaming.watchdog import ClockWatch

log = logs.get(__name__)
LOOK_EVERY_S = 1.0
# All threads together: well within the minute that the supervisor waits before it kills the job.
STOPPED_WITHIN_S = 40.0


def run(name: str, work: Callable[[SparkSession], object]) -> None:
    """Run a batch job: `work` gets a session; a user's error is one sentence and exit code 2."""
    jvm.silence_failed_calls()
    with exits.in_words(name, *jvm.SPARK_ERRORS, sentence=jvm.sentence):
        spark = spark_session(name)
        with jvm.needed(spark):
            work(spark)


def run_queries(
    name: str, queries: Callable[[], Sequence[Query]], companions: Callable[[], Sequence[Companion]] = tuple
) -> None:
    """Run streaming queries until SIGTERM or SIGINT, and companions beside them as long as they do.

    A query that fails starts again from its checkpoint, after pauses that grow, and hurts no other.
    The job ends with one sentence and exit code 2 when none of its queries can even start, for
    reasons that Tidemark has a sentence for, and when Spark's Java process has ended, after which
    nothing can be done again; if the job was to stop anyway, it has stopped.
    """
    shutdown.on_signals()
    jvm.silence_failed_calls()
    with exits.in_words(name, *jvm.SPARK_ERRORS, sentence=jvm.sentence):
        # Before Spark starts: a wrong name is refused at once.
        wanted, beside = queries(), companions()
        spark = spark_session(name)
        job_runs = threading.Event()
        supervised = [SupervisedQuery(spark, query, shutdown.requested, job_runs) for query in wanted]
        beside = [*beside, topic_watch.companion(supervised, renew)]
        threads = [threading.Thread(target=each.live, args=[spark], name=each.name, daemon=True) for each in beside]
        for thread in threads:
            thread.start()
        status_server.serve(lambda: [each.status() for each in supervised])
        supervise(spark, supervised, shutdown.requested)
        join([*(each.thread for each in supervised), *threads], STOPPED_WITHIN_S)
        jvm.stop(spark)


def supervise(spark: SparkSession, queries: Sequence[SupervisedQuery], ending: threading.Event) -> None:
    """Run the queries until `ending` is set, and anew where the clock was set back, or, of those
    that read it, where a topic has got a new schema.

    Raises EngineLost, whatever the queries wait for, soon after Spark's Java process has gone, and
    why the first query cannot start when none can.
    """
    schemas, clock = SchemaWatch(), ClockWatch()
    for query in queries:
        query.thread.start()
    while not ending.wait(LOOK_EVERY_S):
        if jvm.lost(spark) and not ending.is_set():
            raise EngineLost(jvm.ENDED)
        if refusals := _refusals(queries):
            raise refusals[0]
        if changed := schemas.changed():
            log.info("schemas_changed", topics=sorted(changed), action="their queries start again")
            renew(each for each in queries if changed & {*each.query.topics})
        if set_back_s := clock.set_back_s():
            # Spark would wait until the clock has come to where it was.
            log.error("clock_set_back", seconds=round(set_back_s), action="queries start again")
            renew(queries)


def renew(queries: Iterable[SupervisedQuery]) -> None:
    """Have queries stopped between two batches and started again."""
    for query in queries:
        query.renew()


def _refusals(queries: Sequence[SupervisedQuery]) -> list[TidemarkError]:
    """Return why the queries cannot start, nothing where one of them can."""
    refused = [query.refused for query in queries if query.refused]
    return refused if len(refused) == len(queries) else []


def join(threads: Iterable[threading.Thread], within_s: float) -> None:
    """Wait for all threads, `within_s` seconds at most for all together."""
    deadline = time.monotonic() + within_s
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
