"""Keeps the tables that streams append to quick to read; merged tables are compacted by the queries
that merge them.
"""

from pyspark.sql import SparkSession

from pipelines.base import logs
from pipelines.base.settings import settings
from pipelines.lake import catalog, compaction, iceberg
from pipelines.streaming import snapshot_expiry
from pipelines.streaming.companions import Companion
from pipelines.table import Append, Table
from pipelines.tables import TABLES

log = logs.get(__name__)


def appended() -> list[Table]:
    """Return every table that is appended to."""
    return [table for table in TABLES.values() if isinstance(table.written, Append)]


def companion() -> Companion:
    """Return what tends each table after every `compact_every` commits, beside the queries."""
    tasks = {table.name: Tending(table).if_due for table in appended()}
    return Companion("upkeep", settings().upkeep.look_every_s, tasks)


class Tending:
    """A table, and how many commits it had seen when it was last tended."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.tended_at: int | None = None

    def if_due(self, spark: SparkSession) -> None:
        """Tend the table if it has seen enough commits since the last time, or since the first
        look: counted from 0, every table would be due while the queries start.
        """
        if self.tended_at is None:
            catalog.ensure(spark, self.table)
            self.tended_at = iceberg.commits(spark, self.table)
        elif iceberg.commits(spark, self.table) >= self.tended_at + settings().stream(self.table.name).compact_every:
            tend(spark, self.table)
            self.tended_at = iceberg.commits(spark, self.table)


def tend_all(spark: SparkSession) -> None:
    """Compact every table that streams append to and expire its old snapshots, once."""
    for table in appended():
        catalog.ensure(spark, table)
        tend(spark, table)
        log.info("tended", table=table.name)


def tend(spark: SparkSession, table: Table) -> None:
    """Compact a table and expire the snapshots that none of its readers needs."""
    compaction.compact(spark, table)
    readers = [reader for reader in TABLES.values() if table.name in reader.made_from]
    snapshot_expiry.expire_snapshots(spark, table, readers)
