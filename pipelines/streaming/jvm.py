"""Spark's Java process, without which a driver can do nothing: whether it has gone, and how a job
ends then.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, cast

from py4j.protocol import Py4JError
from pyspark.sql import SparkSession

from pipelines.base.errors import EngineLost, TidemarkError

ENDED = "Spark's Java process has ended: start the job again, `make demo` does it by itself."

# Py4J writes a traceback for it straight into the log, whatever becomes of the call.
PY4JS = "Exception while sending command."


def let_others_tell() -> None:
    """Keep Py4J from telling of a failed call in its own way: the caller has the error too."""
    logging.getLogger().addFilter(lambda record: record.msg != PY4JS)


def lost(spark: SparkSession) -> bool:
    """Say whether the Java process has gone or, while it goes, has stopped Spark.

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
    except Exception as error:
        # With Java gone, Py4J may fail in any way, and find that a class is a package.
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
