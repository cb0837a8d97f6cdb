"""Keeps the tables that streams append to quick to read; gold is compacted by the queries that
merge it.
"""

import threading

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from pipelines.base import logs, shutdown
from pipelines.base.errors import EngineLost, TidemarkError
from pipelines.base.settings import settings
from pipelines.lake import catalog
from pipelines.streaming import jvm, snapshot_expiry
from pipelines.streaming.stream import stream_settings
from pipelines.streaming.supervised_query import POOL, sentence
from pipelines.table import Table
from pipelines.tables import TABLES

log = logs.get(__name__)

APPENDED = tuple(table for table in TABLES.values() if not table.name.startswith("gold."))


def beside_queries(spark: SparkSession, stop: threading.Event = shutdown.requested) -> None:
    """Tend each table after every `compact_every` commits, until `stop` is set; what fails is tried
    again next time.

    Ends by itself once Spark's Java process has gone.
    """
    spark.sparkContext.setLocalProperty(POOL, __name__)
    tended: dict[str, int] = {}  # how many commits each table had seen when it was last tended
    while not stop.wait(settings().upkeep.look_every_s):
        for table in APPENDED:
            try:
                with jvm.needed(spark):
                    _tend_if_due(spark, table, tended)
            except EngineLost:
                return  # the job tells of it
            except (TidemarkError, PySparkException, Py4JError) as error:
                log.warning("not_tended", table=table.name, error=sentence(error))
            except Exception as error:  # what nobody foresaw must not end the thread in silence
                log.error("not_foreseen", table=table.name, exc_info=error)


def _tend_if_due(spark: SparkSession, table: Table, tended: dict[str, int]) -> None:
    if table.name not in tended:
        catalog.ensure(spark, table)
    commits = catalog.commits(spark, table)
    # Not 0: every table would be due while the queries start.
    before = tended.setdefault(table.name, commits)
    if commits >= before + stream_settings(table.name).compact_every:
        _tend(spark, table)
        tended[table.name] = catalog.commits(spark, table)


def every_table(spark: SparkSession) -> None:
    """Compact every table that streams append to and forget its old snapshots, once."""
    for table in APPENDED:
        catalog.ensure(spark, table)
        _tend(spark, table)
        log.info("tended", table=table.name)


def _tend(spark: SparkSession, table: Table) -> None:
    catalog.compact(spark, table)
    snapshot_expiry.forget_snapshots(spark, table, [reader for reader in TABLES.values() if table.name in reader.made_from])
