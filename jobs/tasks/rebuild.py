"""Rebuild a silver table from bronze with the same `refine`: what is missing of an arrival window
is appended.
"""

from datetime import UTC, datetime
from typing import Annotated

import typer
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from pipelines.base import logs
from pipelines.bronze import events
from pipelines.kafka.schema_registry import contract
from pipelines.lake import catalog
from pipelines.operations.repair import lacking
from pipelines.silver.refining import refine
from pipelines.streaming.job import run
from pipelines.tables import silver_named

log = logs.get(__name__)


def rebuild(spark: SparkSession, name: str, start: datetime, end: datetime) -> None:
    """Append to the table the events that arrived in [start, end) and that it lacks, save those its
    query will bring.
    """
    silver = silver_named(name)
    catalog.ensure(spark, silver.TABLE)
    arrived = spark.table(events.TABLE.name).filter((F.col("timestamp") >= start) & (F.col("timestamp") < end))
    missing = lacking(spark, silver.TABLE, refine(arrived, contract(str(silver.TABLE.topic)), silver)).cache()
    missing.writeTo(name).append()
    log.info("rebuilt", table=name, rows=missing.count(), arrived_from=str(start), arrived_to=str(end))


def main(
    table: Annotated[str, typer.Option(help="The silver table, such as silver.orders.")],
    start: Annotated[datetime, typer.Option("--from", help="First arrival time, UTC, such as 2026-11-22T00:00:00.")],
    end: Annotated[datetime, typer.Option("--to", help="Arrival time to stop before, UTC.")],
) -> None:
    """Rebuild a silver table from bronze for a window of arrival time; events it has already are
    left alone.
    """
    since, until = (moment.replace(tzinfo=UTC) for moment in (start, end))
    run("rebuild", lambda spark: rebuild(spark, table, since, until))


if __name__ == "__main__":
    typer.run(main)
