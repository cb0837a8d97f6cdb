"""One row per order, in its latest state, with its amounts added up."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from pipelines.silver import orders
from pipelines.silver.orders import goods_value, pieces
from pipelines.table import Column, Merge, Table

TABLE = Table(
    name="gold.orders",
    grain="One row per order, in its latest state.",
    columns=(
        *orders.TABLE.take("order_id", version="Version of the order's latest change.", status="Latest status."),
        *orders.TABLE.take(
            "customer_id", "customer_city", "customer_state", "session_id", "placed_at", "estimated_delivery_at"
        ),
        Column("updated_at", "timestamp", "When the latest change happened, UTC."),
        *orders.TABLE.take("currency"),
        Column("items_count", "int", "Pieces ordered, less what is taken back; a discount is none."),
        Column("goods_amount", "decimal(12,2)", "Prices times quantities, added up: discounts are taken off."),
        Column("freight_amount", "decimal(12,2)", "Freight, added up."),
        Column("amount", "decimal(12,2)", "Goods and freight."),
        *orders.TABLE.take("promotion_code"),
    ),
    key=("order_id",),
    written=Merge(newest_by="version"),
    properties={"write.merge.mode": "merge-on-read", "write.update.mode": "merge-on-read"},
    made_from=("silver.orders",),
)


def aggregate(orders: DataFrame) -> DataFrame:
    """Return every change of `silver.orders` as the row the order would have after it; the newest
    version wins.
    """
    goods = goods_value(F.col("items"))
    freight = F.expr("aggregate(items, CAST(0 AS DECIMAL(12,2)), (sum, i) -> CAST(sum + i.freight AS DECIMAL(12,2)))")
    return orders.select(
        "*",
        F.col("event_at").alias("updated_at"),
        F.aggregate("items", F.lit(0), lambda sum_, item: sum_ + pieces(item)).alias("items_count"),
        goods.alias("goods_amount"),
        freight.alias("freight_amount"),
        (goods + freight).cast("decimal(12,2)").alias("amount"),
    ).select(*TABLE.column_names)
