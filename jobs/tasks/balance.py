"""Show the row balance of every input topic; exit code 1 when a record is missing or held twice."""

import sys

from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from rich.console import Console
from rich.table import Table as Grid

from pipelines.bronze import events
from pipelines.kafka.schema_registry import contract
from pipelines.lake import catalog
from pipelines.operations.balance import Balance, balance
from pipelines.operations.reached import reached
from pipelines.silver import quarantine
from pipelines.silver.refining import refine
from pipelines.streaming.job import run
from pipelines.tables import SILVER

COLUMNS = ("topic", "bronze", "silver", "duplicates", "quarantined", "in_flight", "gaps", "doubled", "missing")


def show_balance(spark: SparkSession) -> None:
    """Print a line per topic."""
    balances = []
    for silver in SILVER.values():
        table, topic = silver.TABLE, str(silver.TABLE.topic)
        # Before the tables, or what they get in between would seem to be missing.
        until = reached(spark, table)
        records = catalog.fresh(spark, events.TABLE).filter(F.col("topic") == F.lit(topic))
        refined = refine(records, contract(topic), silver)
        rows, refused = catalog.fresh(spark, table), catalog.fresh(spark, quarantine.TABLE)
        balances.append(balance(topic, records, refined, rows, refused, until))
    _print(balances)
    if not all(each.holds for each in balances):
        sys.exit(1)


def _print(balances: list[Balance]) -> None:
    grid = Grid(*COLUMNS)
    for each in balances:
        grid.add_row(*(str(getattr(each, column)) for column in COLUMNS))
    Console().print(grid)


if __name__ == "__main__":
    run("balance", show_balance)
