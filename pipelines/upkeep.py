"""Keeps the tables that streams append to quick to read; gold is compacted by the queries that merge it."""

import threading
from itertools import cycle

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from pipelines import catalog, logs, stopping
from pipelines.kept_query import POOL, sentence
from pipelines.settings import settings
from pipelines.table import Table
from pipelines.tables import TABLES

log = logs.get(__name__)

APPENDED = tuple(table for table in TABLES.values() if not table.name.startswith("gold."))


def beside_queries(spark: SparkSession, stop: threading.Event = stopping.requested) -> None:
    """Compact one table after another, with a pause between two, until `stop` is set; what fails is tried again next round."""
    spark.sparkContext.setLocalProperty(POOL, __name__)
    for table in cycle(APPENDED):
        if stop.wait(settings().upkeep.pause_s):
            return
        try:
            compact(spark, table)
        except (PySparkException, Py4JError) as error:
            log.warning("not_compacted", table=table.name, error=sentence(error))


def every_table(spark: SparkSession) -> None:
    """Compact every table that streams append to, once."""
    for table in APPENDED:
        compact(spark, table)
        log.info("compacted", table=table.name)


def compact(spark: SparkSession, table: Table) -> None:
    """Compact one table, which is made if there is none yet."""
    catalog.ensure(spark, table)
    catalog.compact(spark, table)
