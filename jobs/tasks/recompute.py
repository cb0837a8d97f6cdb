"""Recompute a gold table from silver and merge it: corrects what came later than a stream's
lateness.
"""

from collections.abc import Callable, Mapping
from typing import Annotated

import typer
from pyspark.sql import DataFrame, SparkSession

from pipelines.base import logs
from pipelines.base.errors import SettingsError
from pipelines.gold import business_metrics, seller_activity, stock_levels
from pipelines.gold import orders as gold_orders
from pipelines.lake import catalog
from pipelines.operations.repair import once_each
from pipelines.silver import clicks, inventory, orders
from pipelines.streaming import stream
from pipelines.streaming.job import run
from pipelines.table import Table
from pipelines.tables import table_named

log = logs.get(__name__)

Read = Callable[[Table], DataFrame]
RECOMPUTED: Mapping[str, Callable[[Read], DataFrame]] = {
    gold_orders.TABLE.name: lambda read: gold_orders.aggregate(read(orders.TABLE)),
    business_metrics.TABLE.name: lambda read: business_metrics.aggregate(
        read(orders.TABLE), read(clicks.TABLE), stream.lateness(business_metrics.TABLE.name)
    ),
    seller_activity.TABLE.name: lambda read: seller_activity.aggregate(
        read(orders.TABLE), stream.lateness(seller_activity.TABLE.name)
    ),
    stock_levels.TABLE.name: lambda read: stock_levels.aggregate(read(inventory.TABLE)),
}


def recomputed(spark: SparkSession, name: str) -> DataFrame:
    """Return the table's rows as all of silver gives them, each event counted once.

    Raises SettingsError where a table is not an aggregate of silver, naming those that are.
    """
    if name not in RECOMPUTED:
        raise SettingsError(f"{name} cannot be recomputed from silver: choose one of {', '.join(RECOMPUTED)}.")
    return RECOMPUTED[name](lambda silver: once_each(spark.table(silver.name)))


def recompute(spark: SparkSession, name: str) -> None:
    """Merge the recomputed rows into the table."""
    # Computed before it is merged: Spark cannot plan a MERGE whose source has a watermark.
    rows = recomputed(spark, name).localCheckpoint()
    table = table_named(name)
    catalog.ensure(spark, table)
    newest_by = "version" if table is gold_orders.TABLE else None
    stream.merge_into(rows, table, newest_by)
    log.info("recomputed", table=name)


def main(table: Annotated[str, typer.Option(help="The gold table, such as gold.business_metrics.")]) -> None:
    """Recompute a gold table from silver; its query must not run, as one writer merges a table:
    `make down`, then `make up`.
    """
    run("recompute", lambda spark: recompute(spark, table))


if __name__ == "__main__":
    typer.run(main)
