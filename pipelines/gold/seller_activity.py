"""One row per seller, currency and 5-minute tumbling window: orders, pieces and GMV."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from pipelines.silver.orders import pieces
from pipelines.table import Column, Merge, Table

WINDOW = "5 minutes"

TABLE = Table(
    name="gold.seller_activity",
    grain="One row per seller, currency and 5-minute window in which the seller sold something.",
    columns=(
        Column("seller_id", "string", "The seller."),
        Column("window_start", "timestamp", "Beginning of the window, UTC."),
        Column("window_end", "timestamp", "End of the window, UTC; exclusive."),
        Column("currency", "string", "ISO 4217 code of the amounts."),
        Column("orders", "bigint", "Orders placed with the seller in the window."),
        Column("items", "bigint", "Pieces in them."),
        Column("gmv", "decimal(18,2)", "Prices times quantities of those pieces, discounts taken off."),
    ),
    key=("seller_id", "window_start", "currency"),
    written=Merge(),
    partitioning=("days(window_start)",),
    made_from=("silver.orders",),
)


def _sales(orders: DataFrame) -> DataFrame:
    """One row per placed order and seller in it: event_at, currency, seller_id, pieces, value."""
    placed = orders.filter(F.col("status") == "placed")
    lines = placed.select("event_at", "currency", "items", F.posexplode("items").alias("place", "item"))
    first = F.array_position(F.col("items.seller_id"), F.col("item.seller_id")) == F.col("place") + 1
    return lines.select(
        "event_at",
        "currency",
        F.col("item.seller_id").alias("seller_id"),
        pieces(F.col("item")).alias("pieces"),
        (F.col("item.price") * F.col("item.quantity")).alias("value"),
        # An order with two lines of one seller is one order of that seller: only its first line
        # counts.
        first.cast("int").alias("order"),
    )


def aggregate(orders: DataFrame, lateness: str) -> DataFrame:
    """Return the activity of every seller and window that `silver.orders` touches.

    `lateness` (an interval such as "1 day") is how far behind the newest event a late one still
    counts in a stream.
    """
    windows = _sales(orders).withWatermark("event_at", lateness)
    sums = windows.groupBy("seller_id", F.window("event_at", WINDOW).alias("window"), "currency").agg(
        F.sum("order").alias("orders"), F.sum("pieces").alias("items"), F.sum("value").cast("decimal(18,2)").alias("gmv")
    )
    bounds = {"window_start": F.col("window.start"), "window_end": F.col("window.end")}
    return sums.withColumns(bounds).select(*TABLE.column_names)
