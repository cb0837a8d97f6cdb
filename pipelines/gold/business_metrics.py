"""One row per minute and currency: orders, GMV, average order value, sessions and conversion."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from pipelines.silver.orders import goods_value
from pipelines.table import Column, Merge, Table

TABLE = Table(
    name="gold.business_metrics",
    grain="One row per minute and currency.",
    columns=(
        Column("minute", "timestamp", "The minute, by its beginning, UTC."),
        Column("currency", "string", "ISO 4217 code of the amounts."),
        Column("orders", "bigint", "Orders placed in the minute."),
        Column(
            "gmv",
            "decimal(18,2)",
            "Gross merchandise value: prices times quantities of the orders placed, discounts taken off, before cancellations "
            "and returns.",
        ),
        Column("average_order_value", "decimal(12,2)", "GMV per order; null without orders.", required=False),
        Column("sessions", "bigint", "Sessions that started in the minute."),
        Column("conversion", "double", "Orders per session started; null without sessions.", required=False),
    ),
    key=("minute", "currency"),
    written=Merge(),
    partitioning=("days(minute)",),
    made_from=("silver.orders", "silver.clicks"),
)


def _order_values(orders: DataFrame) -> DataFrame:
    """One row per order placed: event_at, currency, its goods' value, 1 order, 0 sessions."""
    placed = orders.filter(F.col("status") == "placed")
    return placed.select(
        "event_at", "currency", goods_value(F.col("items")).alias("value"), F.lit(1).alias("orders"), F.lit(0).alias("sessions")
    )


def _session_starts(clicks: DataFrame) -> DataFrame:
    started = clicks.filter(F.col("position") == 1)
    nothing = F.lit(0).cast("decimal(12,2)").alias("value")
    return started.select("event_at", "currency", nothing, F.lit(0).alias("orders"), F.lit(1).alias("sessions"))


def aggregate(orders: DataFrame, clicks: DataFrame, lateness: str) -> DataFrame:
    """Return the metrics of every minute that `silver.orders` or `silver.clicks` touches.

    `lateness` (an interval such as "1 day") is how far behind the newest event a late one still
    counts in a stream.
    """
    # A watermark of its own for each side: Spark goes by the slower one. A common one would follow
    # the faster, so that orders which wait behind clicks would count as late.
    values = _order_values(orders).withWatermark("event_at", lateness)
    starts = _session_starts(clicks).withWatermark("event_at", lateness)
    facts = values.unionByName(starts)
    minutes = facts.groupBy(F.window("event_at", "1 minute").alias("window"), "currency").agg(
        F.sum("orders").alias("orders"), F.sum("value").cast("decimal(18,2)").alias("gmv"), F.sum("sessions").alias("sessions")
    )
    with_ratios = minutes.withColumns(
        {
            "minute": F.col("window.start"),
            "average_order_value": F.expr("CAST(try_divide(gmv, orders) AS DECIMAL(12,2))"),
            "conversion": F.expr("CAST(try_divide(CAST(orders AS DOUBLE), sessions) AS DOUBLE)"),
        }
    )
    return with_ratios.select(*TABLE.column_names)
