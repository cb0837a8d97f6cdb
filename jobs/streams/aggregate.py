"""Aggregate silver tables into gold tables; `--table gold.orders` one of them."""

from collections.abc import Callable
from functools import partial
from typing import Annotated, cast

import typer
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from pipelines.gold.aggregating import Gold, aggregate
from pipelines.streaming.failing_record import Trial
from pipelines.streaming.job import run_queries
from pipelines.streaming.reads import lateness, read_table
from pipelines.streaming.records import Source
from pipelines.streaming.supervised_query import Query
from pipelines.streaming.writes import upsert
from pipelines.table import Table
from pipelines.tables import GOLD, TABLES, gold_named


def rows(spark: SparkSession, read: Callable[[Source], DataFrame], gold: Gold) -> DataFrame:
    """Return the rows of a gold table, made of what `read` gives of its silver tables."""
    return aggregate(gold, lambda silver: read(TABLES[silver]), lateness)


def start(spark: SparkSession, gold: Gold) -> StreamingQuery:
    """Start the query of a gold table."""

    def read(silver: Source) -> DataFrame:
        return read_table(spark, cast(Table, silver), gold.TABLE)

    return upsert(rows(spark, read, gold), gold.TABLE)


def queries(*names: str) -> list[Query]:
    """Return the queries of the gold tables of these names, or of all; raises SettingsError for a
    name that is none.
    """
    return [query(gold_named(name)) for name in names or GOLD]


def query(gold: Gold) -> Query:
    """Return the query of a gold table."""
    trial = Trial(tuple(TABLES[name] for name in gold.TABLE.made_from), partial(rows, gold=gold), gold.TABLE)
    return Query(gold.TABLE.name, partial(start, gold=gold), trial)


def main(
    table: Annotated[list[str] | None, typer.Option(help="A gold table, such as gold.orders; repeat for more.")] = None,
) -> None:
    """Aggregate silver tables into gold tables until stopped: those named, or all."""
    run_queries("aggregate", lambda: queries(*table or ()))


if __name__ == "__main__":
    typer.run(main)
