"""Runs a job as a process: queries live until SIGTERM, failed ones start again, errors are one
sentence.
"""

import sys
import threading
import time
from collections.abc import Callable, Sequence

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from pipelines.base import exits, logs, shutdown
from pipelines.base.errors import EngineLost
from pipelines.streaming import jvm
from pipelines.streaming.session import spark_session
from pipelines.streaming.supervised_query import KeptQuery, SchemaWatch, Start, sentence

log = logs.get(__name__)
LOOK_EVERY_S = 1.0
STOPPED_WITHIN_S = 20.0
SPARKS = (PySparkException, Py4JError)  # errors in which Spark says what a user can mend


def run(name: str, work: Callable[[SparkSession], object]) -> None:
    """Run a batch job: `work` gets a session; a user's error is one sentence and exit code 2."""
    jvm.let_others_tell()
    with exits.in_words(name, *SPARKS, sentence=sentence):
        spark = spark_session(name)
        with jvm.needed(spark):
            work(spark)


def run_queries(name: str, *starts: Start, beside: Sequence[Callable[[SparkSession], None]] = ()) -> None:
    """Run streaming queries until SIGTERM or SIGINT, and `beside` them, in threads, what lives as
    long as they do.

    A query that fails starts again from its checkpoint; one that cannot start, or fails again and
    again, ends the job with one sentence and exit code 2. So does the end of Spark's Java process,
    after which nothing can be done again; if the job was to stop anyway, it has stopped.
    """
    shutdown.on_signals()
    jvm.let_others_tell()
    with exits.in_words(name, *SPARKS, sentence=sentence):
        spark = spark_session(name)
        job_runs = threading.Event()
        kept = [KeptQuery(spark, start, shutdown.requested, job_runs) for start in starts]
        companions = [threading.Thread(target=work, args=[spark], daemon=True) for work in beside]
        for companion in companions:
            companion.start()
        keep(spark, kept, shutdown.requested)
        for thread in [*(each.thread for each in kept), *companions]:
            thread.join(STOPPED_WITHIN_S)
        if any(each.error for each in kept):  # which each query has told of itself
            sys.exit(exits.FAILED)
        jvm.stop(spark)


def keep(spark: SparkSession, kept: list[KeptQuery], ending: threading.Event) -> None:
    """Run the queries until `ending` is set, and anew whenever a topic has got a new schema.

    Raises EngineLost, whatever the queries wait for, soon after Spark's Java process has gone.
    """
    schemas = SchemaWatch(time.monotonic())
    for each in kept:
        each.thread.start()
    while not ending.wait(LOOK_EVERY_S):
        if jvm.lost(spark) and not ending.is_set():
            raise EngineLost(jvm.ENDED)
        if schemas.changed():
            log.info("schemas_changed", action="queries start again")
            for each in kept:
                each.renew()
