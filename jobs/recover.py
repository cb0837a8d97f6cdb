"""Recover a table whose checkpoint is lost: its query begins a new one where the table's rows end."""

from typing import Annotated

import typer
from pyspark.sql import SparkSession

from pipelines import logs
from pipelines.job import run
from pipelines.repair import forget_checkpoint
from pipelines.tables import table_named

log = logs.get(__name__)


def recover(spark: SparkSession, name: str) -> None:
    """Let the table's query begin a new checkpoint."""
    where = forget_checkpoint(spark, table_named(name))
    log.info("recovered", table=name, next=where)


def main(table: Annotated[str, typer.Option(help="The table whose checkpoint is lost, such as silver.orders.")]) -> None:
    """Recover a table whose checkpoint is lost; stop its query first."""
    run("recover", lambda spark: recover(spark, table))


if __name__ == "__main__":
    typer.run(main)
