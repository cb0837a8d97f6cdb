"""One row per product and sliding window of an hour: how often it was looked at, put into carts and
bought.
"""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from pipelines.silver import clicks as silver_clicks
from pipelines.silver.clicks import is_view
from pipelines.table import Column, Merge, Table

WINDOW, SLIDE = "1 hour", "15 minutes"
LEAST = 5  # clicks that make a row: most products of a large shop get one an hour, and that is no trend

TABLE = Table(
    name="gold.item_trends",
    grain="One row per product and sliding window of an hour with at least 5 clicks on it; a window begins every 15 minutes.",
    columns=(
        *silver_clicks.TABLE.take(product_id="The product."),
        Column("window_start", "timestamp", "Beginning of the window, UTC."),
        Column("window_end", "timestamp", "End of the window, UTC; exclusive."),
        Column("views", "bigint", "Times it was looked at in the window."),
        Column("carts", "bigint", "Times it was put into a cart."),
        Column("purchases", "bigint", "Times it was bought."),
        Column("sessions", "bigint", "Sessions that had to do with it: about, some 5 in 100 more or fewer (HyperLogLog++)."),
    ),
    key=("product_id", "window_start"),
    written=Merge(),
    partitioning=("hours(window_start)",),
    properties={"write.merge.mode": "merge-on-read", "write.update.mode": "merge-on-read"},
    made_from=("silver.clicks",),
)


def aggregate(clicks: DataFrame, lateness: str) -> DataFrame:
    """Return the numbers of every product and window that `silver.clicks` touches, if they are
    enough.

    `lateness` (an interval such as "1 hour") is how far behind the newest event a late one still
    counts in a stream.
    """
    action = F.col("action")
    windows = clicks.withWatermark("event_at", lateness).groupBy(
        "product_id", F.window("event_at", WINDOW, SLIDE).alias("window")
    )
    counts = windows.agg(
        F.count_if(is_view(action)).alias("views"),
        F.count_if(action == "add_to_cart").alias("carts"),
        F.count_if(action == "purchase").alias("purchases"),
        F.approx_count_distinct("session_id").alias("sessions"),
    )
    enough = counts.filter(F.col("views") + F.col("carts") + F.col("purchases") >= LEAST)
    bounds = {"window_start": F.col("window.start"), "window_end": F.col("window.end")}
    return enough.withColumns(bounds).select(*TABLE.column_names)
