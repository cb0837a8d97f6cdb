"""Keeps the tables that streams append to quick to read, and all tables free of files that nothing
names; merged tables are compacted by the queries that merge them.
"""

from time import monotonic

from pyspark.sql import SparkSession

from pipelines.base import logs
from pipelines.base.settings import settings
from pipelines.lake import catalog, compaction, iceberg
from pipelines.lake.orphans import remove_orphans
from pipelines.streaming import snapshot_expiry
from pipelines.streaming.companions import Companion
from pipelines.table import Append, Table
from pipelines.tables import TABLES

log = logs.get(__name__)
SWEEP_EVERY_S = 86_400.0
# Not while the queries start, and never by a driver that ends again and again.
FIRST_SWEEP_AFTER_S = 3600.0


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


def sweeper() -> Companion:
    """Return what removes the orphan files of every table once a day, beside the queries."""
    tasks = {table.name: Sweeping(table).if_due for table in TABLES.values()}
    return Companion("sweeper", settings().upkeep.look_every_s, tasks)


class Sweeping:
    """A table, and when its orphan files are to be removed next, on a clock that never steps."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.due_at = monotonic() + FIRST_SWEEP_AFTER_S

    def if_due(self, spark: SparkSession) -> None:
        """Remove the table's orphan files if a day has gone since the last time."""
        if monotonic() >= self.due_at:
            self.due_at = monotonic() + SWEEP_EVERY_S
            sweep(spark, self.table)


def sweep(spark: SparkSession, table: Table) -> None:
    """Remove what killed batches left in a table's folder, and say how much it was."""
    catalog.ensure(spark, table)
    if removed := remove_orphans(spark, table):
        log.info("orphans_removed", table=table.name, files=removed)


def tend_all(spark: SparkSession) -> None:
    """Compact every table that streams append to and expire its old snapshots, and remove the
    orphan files of all tables, once.
    """
    for table in appended():
        catalog.ensure(spark, table)
        tend(spark, table)
        log.info("tended", table=table.name)
    for table in TABLES.values():
        sweep(spark, table)


def tend(spark: SparkSession, table: Table) -> None:
    """Compact a table and expire the snapshots that none of its readers needs."""
    compaction.compact(spark, table)
    readers = [reader for reader in TABLES.values() if table.name in reader.made_from]
    snapshot_expiry.expire_snapshots(spark, table, readers)
