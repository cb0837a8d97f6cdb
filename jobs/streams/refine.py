"""Refine topics into their silver tables, straight from Kafka; `--table silver.orders` one of
them.
"""

from collections.abc import Callable
from functools import partial
from typing import Annotated

import typer
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from pipelines.kafka.schema_registry import contract
from pipelines.silver.refining import Silver, refine
from pipelines.streaming.failing_record import Trial
from pipelines.streaming.job import run_queries
from pipelines.streaming.reads import deduplicate, read_topics_of
from pipelines.streaming.records import Source
from pipelines.streaming.starts import only_new
from pipelines.streaming.supervised_query import Query
from pipelines.streaming.writes import append
from pipelines.tables import SILVER, silver_named


def rows(spark: SparkSession, read: Callable[[Source], DataFrame], silver: Silver) -> DataFrame:
    """Return the rows of a silver table that `read` gives of its topic, copies among them."""
    topic = str(silver.TABLE.topic)
    return refine(read(topic), contract(topic), silver)


def start(spark: SparkSession, silver: Silver) -> StreamingQuery:
    """Start the query of a silver table."""
    refined = rows(spark, lambda topic: read_topics_of(spark, silver.TABLE, str(topic)), silver)
    return append(only_new(deduplicate(refined, silver.TABLE), silver.TABLE), silver.TABLE)


def queries(*names: str) -> list[Query]:
    """Return the queries of the silver tables of these names, or of all; raises SettingsError for
    a name that is none.
    """
    return [query(silver_named(name)) for name in names or SILVER]


def query(silver: Silver) -> Query:
    """Return the query of a silver table."""
    topic = str(silver.TABLE.topic)
    trial = Trial((topic,), partial(rows, silver=silver), silver.TABLE)
    return Query(silver.TABLE.name, partial(start, silver=silver), trial, topics=(topic,))


def main(
    table: Annotated[list[str] | None, typer.Option(help="A silver table, such as silver.orders; repeat for more.")] = None,
) -> None:
    """Refine topics into silver tables until stopped: those named, or all."""
    run_queries("refine", lambda: queries(*table or ()))


if __name__ == "__main__":
    typer.run(main)
