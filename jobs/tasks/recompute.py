"""Recompute a gold table from silver and replace its rows: corrects what came later than a stream's
lateness, and rows that are wrong.
"""

from typing import Annotated

import typer
from pyspark.sql import SparkSession

from pipelines.base import logs
from pipelines.operations import recomputing
from pipelines.streaming.job import run
from pipelines.tables import gold_named

log = logs.get(__name__)


def recompute(spark: SparkSession, name: str) -> None:
    """Replace the rows of a gold table by what all of silver gives."""
    removed = recomputing.recompute(spark, gold_named(name))
    log.info("recomputed", table=name, removed_keys=removed)


def main(table: Annotated[str, typer.Option(help="The gold table, such as gold.business_metrics.")]) -> None:
    """Recompute a gold table from silver.

    Its query must not run, as one writer writes a table: `make down`, then `make up`.
    """
    run("recompute", lambda spark: recompute(spark, table))


if __name__ == "__main__":
    typer.run(main)
