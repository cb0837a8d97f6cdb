"""Rebuild a silver table from bronze with the same `refine`: what is missing of an arrival window
is appended.
"""

from typing import Annotated

import typer
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from pipelines.base import logs
from pipelines.bronze import events
from pipelines.kafka.schema_registry import contract
from pipelines.lake import catalog
from pipelines.operations.repair import lacking
from pipelines.streaming.job import run
from pipelines.tables import refined

log = logs.get(__name__)


def rebuild(spark: SparkSession, name: str, start: str, end: str) -> None:
    """Append to the table the events that arrived in [start, end) and that it lacks, save those its
    query will bring.
    """
    table, refine = refined(name)
    catalog.ensure(spark, table)
    arrived = spark.table(events.TABLE.name).filter(
        F.col("timestamp").between(start, F.lit(end).cast("timestamp") - F.expr("INTERVAL 1 MICROSECOND"))
    )
    missing = lacking(spark, table, refine(arrived, contract(str(table.topic)))).cache()
    missing.writeTo(name).append()
    log.info("rebuilt", table=name, rows=missing.count(), arrived_from=start, arrived_to=end)


def main(
    table: Annotated[str, typer.Option(help="The silver table, such as silver.orders.")],
    start: Annotated[str, typer.Option("--from", help="First arrival time, UTC, such as 2026-11-22T00:00:00.")],
    end: Annotated[str, typer.Option("--to", help="Arrival time to stop before, UTC.")],
) -> None:
    """Rebuild a silver table from bronze for a window of arrival time; events it has already are
    left alone.
    """
    run("rebuild", lambda spark: rebuild(spark, table, start, end))


if __name__ == "__main__":
    typer.run(main)
