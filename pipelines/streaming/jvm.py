"""Spark's Java process, without which a driver can do nothing: whether it has gone, how a job ends
then, and what its errors say.
"""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, cast

from py4j.protocol import Py4JError, Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from pipelines.base.errors import EngineLost, TidemarkError

ENDED = "Spark's Java process has ended: start the job again, `make demo` does it by itself."
SPARK_ERRORS = (PySparkException, Py4JError)  # in which Spark says what a user can mend

# Each query and each companion is a pool of its own to Spark's fair scheduler: in one common pool
# the small wait behind the large.
POOL = "spark.scheduler.pool"

# How Python says in a traceback what was raised, at the beginning of a line.
PYTHON_RAISED = re.compile(r"(?!Traceback)[A-Za-z_][\w.]*(?:: |$)")
TRACEBACK = "Traceback (most recent call last)"
LONGEST_CHAIN, LONGEST_CAUSE = 50, 300  # causes behind causes; characters
PACKAGE = re.compile(r"^(?:[a-z_]\w*\.)+(?=[A-Za-z])")

# Py4J writes a traceback for it straight into the log, whatever becomes of the call.
FAILED_CALL = "Exception while sending command."


def silence_failed_calls() -> None:
    """Silence Py4J's own log line for failed calls: the caller has the error too."""
    logging.getLogger().addFilter(lambda record: record.msg != FAILED_CALL)


def lost(spark: SparkSession) -> bool:
    """Return whether the Java process has gone or, while it goes, has stopped Spark.

    Asked of Java itself: the error of a call tells little, for Py4J has the same one for much that
    can be done again.
    """
    try:
        return bool(cast(Any, spark)._jsparkSession.sparkContext().isStopped())
    except (Py4JError, OSError):
        return True


@contextmanager
def needed(spark: SparkSession) -> Iterator[None]:
    """Raise EngineLost for whatever fails inside because the Java process has gone."""
    try:
        yield
    # With Java gone, Py4J may fail in any way, and find that a class is a package.
    except Exception as error:
        if not isinstance(error, TidemarkError) and lost(spark):
            raise EngineLost(ENDED) from error
        raise


def stop(spark: SparkSession) -> None:
    """Stop Spark; where its Java process has gone, or goes meanwhile, nothing is left to be
    stopped.
    """
    with suppress(Py4JError, OSError):
        if not lost(spark):
            spark.stop()


def failure_of(query: StreamingQuery) -> Exception | None:
    """Return why a query has ended, with the Java exception behind it, which PySpark leaves out;
    None where it ended in peace.
    """
    error = query.exception()
    if error is not None:
        cast(Any, error)._origin = cast(Any, query)._jsq.exception().get()
    return error


def innermost(error: Exception) -> str:
    """Return the true cause of an error in one line: the innermost Java exception's, or, where Java
    calls Python, that of the Python it called.
    """
    java = _java(error)
    if java is None:
        return sentence(error)
    for _ in range(LONGEST_CHAIN):
        java = java.getCause() or java
    lines = str(java.toString()).strip().splitlines()
    raised = [line for line in lines if PYTHON_RAISED.match(line)] if any(TRACEBACK in line for line in lines) else []
    line = raised[-1] if raised else lines[0] if lines else repr(error)
    return PACKAGE.sub("", line)[:LONGEST_CAUSE]


def failed_batch(error: Exception) -> tuple[str, str] | None:
    """Return where the batch in which a query failed begins and where it ends, as its sources write
    it; None where the query failed outside a batch.
    """
    java = _java(error)
    if java is None or not str(java.getClass().getName()).endswith("StreamingQueryException"):
        return None
    return str(java.startOffset()), str(java.endOffset())


def _java(error: Exception) -> Any:
    """Return the Java exception behind a Python one, None where there is none."""
    return getattr(error, "java_exception", None) or getattr(error, "_origin", None)


def sentence(error: Exception) -> str:
    """Return the first line of an error's text; of a Java error, what it says of itself."""
    text = str(error.java_exception.toString() if isinstance(error, Py4JJavaError) else error).strip()
    return text.splitlines()[0] if text else repr(error)
