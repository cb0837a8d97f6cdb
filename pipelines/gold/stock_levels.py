"""One row per product: what is on hand, what was sold, and when it last moved."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from pipelines.table import Column, Merge, Table

TABLE = Table(
    name="gold.stock_levels",
    grain="One row per product.",
    columns=(
        Column("product_id", "string", "The product."),
        Column("seller_id", "string", "The seller who holds the stock."),
        Column(
            "on_hand",
            "bigint",
            "Pieces on hand: the sum of all movements, of whatever kind; a transfer within the shop adds up to none.",
        ),
        Column("sold", "bigint", "Pieces that left by sales, ever."),
        Column("last_movement_at", "timestamp", "When stock last moved, UTC."),
        Column("last_restock_at", "timestamp", "When stock last came in, UTC.", required=False),
    ),
    key=("product_id",),
    written=Merge(),
    made_from=("silver.inventory",),
)


def aggregate(inventory: DataFrame) -> DataFrame:
    """Return the stock of every product that `silver.inventory` touches."""
    sold = F.when(F.col("kind") == "sale", -F.col("quantity")).otherwise(0)
    restocked_at = F.when(F.col("kind") == "restock", F.col("event_at"))
    levels = inventory.groupBy("product_id").agg(
        F.max("seller_id").alias("seller_id"),
        F.sum("quantity").alias("on_hand"),
        F.sum(sold).alias("sold"),
        F.max("event_at").alias("last_movement_at"),
        F.max(restocked_at).alias("last_restock_at"),
    )
    return levels.select(*TABLE.column_names)
