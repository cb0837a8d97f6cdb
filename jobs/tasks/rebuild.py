"""Rebuild a silver table from bronze with the same `refine`: what is missing of an arrival window
is appended.
"""

from datetime import datetime
from typing import Annotated

import typer
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from pipelines.base import exits, logs
from pipelines.base.settings import settings
from pipelines.base.window import FORMATS, Window
from pipelines.bronze import events
from pipelines.lake import catalog
from pipelines.lake.database import alone
from pipelines.operations.archived_schemas import contract_for
from pipelines.operations.repair import lacking, repairing
from pipelines.silver.refining import refine
from pipelines.streaming.job import run
from pipelines.tables import silver_named

NAME = "rebuild"
log = logs.get(__name__)


def rebuild(spark: SparkSession, name: str, window: Window) -> None:
    """Append to the table the events that arrived in the window and that it lacks, save those its
    query will bring.
    """
    silver = silver_named(name)
    with alone(settings(), repairing(silver.TABLE)):
        catalog.ensure(spark, silver.TABLE)
        arrived = spark.table(events.TABLE.name).filter(window.holds(F.col("timestamp")))
        contract = contract_for(arrived, str(silver.TABLE.topic))
        missing = lacking(spark, silver.TABLE, refine(arrived, contract, silver)).localCheckpoint()
        missing.writeTo(name).append()
    log.info("rebuilt", table=name, rows=missing.count(), arrived=str(window))


def main(
    table: Annotated[str, typer.Option(help="The silver table, such as silver.orders.")],
    start: Annotated[
        datetime, typer.Option("--from", formats=FORMATS, help="First arrival time, UTC, such as 2026-11-22T00:00:00.")
    ],
    end: Annotated[datetime, typer.Option("--to", formats=FORMATS, help="Arrival time to stop before, UTC.")],
) -> None:
    """Rebuild a silver table from bronze for a window of arrival time; events it has already are
    left alone.
    """
    with exits.in_words(NAME):
        window = Window(start, end)
    run(NAME, lambda spark: rebuild(spark, table, window))


if __name__ == "__main__":
    typer.run(main)
