"""A table of numbers that one query writes, a commit each, and tables of copies whose queries read
it as a stream.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pyspark.sql import SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from pipelines.lake import catalog
from pipelines.streaming.reads import read_table
from pipelines.streaming.snapshot_expiry import expire_snapshots
from pipelines.streaming.writes import append
from pipelines.table import Append, Column, Table

COLUMNS = (Column("number", "int", "A number.", required=False),)
NUMBERS = Table("silver.numbers", "One row per number.", COLUMNS, ("number",), Append())
EARLY, LATE = (
    Table(name, "One row per number.", COLUMNS, ("number",), Append(), made_from=(NUMBERS.name,))
    for name in ("gold.early", "gold.late")
)
TABLES = (NUMBERS, EARLY, LATE)


def environment() -> dict[str, str]:
    """Return what lets these queries look at once, take one row a batch, and keep no snapshot that
    nobody needs.
    """
    limits = {"TRIGGER": "0 seconds", "ROWS_PER_BATCH": "1"}
    streams = {f"TIDEMARK_STREAMS__{table.name.upper()}__{key}": limits[key] for table in TABLES for key in limits}
    return {**streams, "TIDEMARK_UPKEEP__SNAPSHOTS_KEPT_S": "0.001"}


@dataclass
class Numbers:
    """The numbers that were written so far, and what can be done with them."""

    spark: SparkSession
    folder: Path
    written: int = 0

    def write(self, count: int = 1) -> None:
        """Have the query write the next numbers, a commit each, as the native sink does: without
        merging manifests.
        """
        self.folder.mkdir(exist_ok=True)
        for number in range(self.written, self.written + count):
            (self.folder / str(number)).write_text(str(number))
        self.written += count
        self.write_again()

    def write_again(self) -> None:
        """Have the query write what it knows of and has not written."""
        files = self.spark.readStream.option("maxFilesPerTrigger", 1).text(str(self.folder))
        run(append(files.selectExpr("CAST(value AS int) AS number"), NUMBERS))

    def compact(self) -> None:
        """Rewrite all files into one."""
        catalog.ensure(self.spark, NUMBERS)
        options = "map('rewrite-all', 'true')"
        self.spark.sql(f"CALL lake.system.rewrite_data_files(table => 'lake.{NUMBERS.name}', options => {options})").collect()

    def forget(self) -> None:
        """Expire the snapshots that nobody needs."""
        catalog.ensure(self.spark, NUMBERS)
        expire_snapshots(self.spark, NUMBERS, (EARLY, LATE))

    def read(self, copies: Table) -> list[int]:
        """Have a table's query read what there is, and return all the numbers it has read so
        far.
        """
        run(append(read_table(self.spark, NUMBERS, copies), copies))
        return rows(self.spark, copies)

    def snapshots(self) -> int:
        """Return how many snapshots there are."""
        return catalog.snapshots(self.spark, NUMBERS).count()


def rows(spark: SparkSession, table: Table) -> list[int]:
    """Return the numbers in a table, in order."""
    return sorted(row["number"] for row in catalog.fresh(spark, table).collect())


def run(query: StreamingQuery) -> None:
    """Let a query take in what there is, and stop it."""
    try:
        query.processAllAvailable()
    finally:
        query.stop()


def drop(spark: SparkSession, tables: Iterable[Table] = TABLES) -> None:
    """Drop the tables."""
    for table in tables:
        spark.sql(f"DROP TABLE IF EXISTS {table.name}")
