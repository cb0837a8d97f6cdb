"""Keeps the tables that streams append to quick to read; gold is compacted by the queries that merge it."""

import threading

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from pipelines import catalog, logs, stopping
from pipelines.errors import TidemarkError
from pipelines.kept_query import POOL, sentence
from pipelines.settings import settings
from pipelines.stream import stream_settings
from pipelines.table import Table
from pipelines.tables import TABLES

log = logs.get(__name__)

APPENDED = tuple(table for table in TABLES.values() if not table.name.startswith("gold."))


def beside_queries(spark: SparkSession, stop: threading.Event = stopping.requested) -> None:
    """Compact each table after every `compact_every` commits, until `stop` is set; what fails is tried again next time."""
    spark.sparkContext.setLocalProperty(POOL, __name__)
    compacted = {table.name: 0 for table in APPENDED}
    while not stop.wait(settings().upkeep.look_every_s):
        for table in APPENDED:
            try:
                compacted[table.name] = _compact_if_due(spark, table, compacted[table.name])
            except (TidemarkError, PySparkException, Py4JError) as error:
                log.warning("not_compacted", table=table.name, error=sentence(error))


def _compact_if_due(spark: SparkSession, table: Table, before: int) -> int:
    """Return the number of commits at the last compaction, which may be now."""
    catalog.ensure(spark, table)
    if catalog.commits(spark, table) < before + stream_settings(table.name).compact_every:
        return before
    catalog.compact(spark, table)
    return catalog.commits(spark, table)


def every_table(spark: SparkSession) -> None:
    """Compact every table that streams append to, once."""
    for table in APPENDED:
        catalog.ensure(spark, table)
        catalog.compact(spark, table)
        log.info("compacted", table=table.name)
