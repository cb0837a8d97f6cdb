"""Aggregate silver tables into gold tables; `--table gold.orders` one of them."""

from functools import partial
from typing import Annotated

import typer
from pyspark.sql import SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from pipelines.gold.aggregating import Gold, aggregate
from pipelines.streaming.job import run_queries
from pipelines.streaming.reads import lateness, read_table
from pipelines.streaming.supervised_query import Query
from pipelines.streaming.writes import upsert
from pipelines.tables import GOLD, TABLES, gold_named


def start(spark: SparkSession, gold: Gold) -> StreamingQuery:
    """Start the query of a gold table."""
    rows = aggregate(gold, lambda silver: read_table(spark, TABLES[silver], gold.TABLE), lateness)
    return upsert(rows, gold.TABLE)


def queries(*names: str) -> list[Query]:
    """Return the queries of the gold tables of these names, or of all; raises SettingsError for a
    name that is none.
    """
    return [Query(name, partial(start, gold=gold_named(name))) for name in names or GOLD]


def main(
    table: Annotated[list[str] | None, typer.Option(help="A gold table, such as gold.orders; repeat for more.")] = None,
) -> None:
    """Aggregate silver tables into gold tables until stopped: those named, or all."""
    run_queries("aggregate", lambda: queries(*table or ()))


if __name__ == "__main__":
    typer.run(main)
