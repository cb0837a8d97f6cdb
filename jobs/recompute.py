"""Recompute a gold table from silver and merge it: corrects what came later than a stream's lateness."""

from typing import Annotated

import typer
from pyspark.sql import DataFrame, SparkSession

from pipelines import catalog, logs, stream
from pipelines.gold import business_metrics, seller_activity, stock_levels
from pipelines.gold import orders as gold_orders
from pipelines.job import run
from pipelines.silver import clicks, inventory, orders
from pipelines.tables import table_named

log = logs.get(__name__)


def recomputed(spark: SparkSession, name: str) -> DataFrame:
    """Return the table's rows as all of silver gives them."""
    changes, visits, movements = (spark.table(silver.TABLE.name) for silver in (orders, clicks, inventory))
    return {
        gold_orders.TABLE.name: lambda: gold_orders.aggregate(changes),
        business_metrics.TABLE.name: lambda: business_metrics.aggregate(changes, visits, stream.lateness(name)),
        seller_activity.TABLE.name: lambda: seller_activity.aggregate(changes, stream.lateness(name)),
        stock_levels.TABLE.name: lambda: stock_levels.aggregate(movements),
    }[name]()


def recompute(spark: SparkSession, name: str) -> None:
    """Merge the recomputed rows into the table."""
    table = table_named(name)
    catalog.ensure(spark, table)
    newest_by = "version" if table is gold_orders.TABLE else None
    # Computed before it is merged: Spark cannot plan a MERGE whose source has a watermark.
    stream.merge_into(recomputed(spark, name).localCheckpoint(), table, newest_by)
    log.info("recomputed", table=name)


def main(table: Annotated[str, typer.Option(help="The gold table, such as gold.business_metrics.")]) -> None:
    """Recompute a gold table from silver; stop its query first, as one writer merges a table."""
    run("recompute", lambda spark: recompute(spark, table))


if __name__ == "__main__":
    typer.run(main)
