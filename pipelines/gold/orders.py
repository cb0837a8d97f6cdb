"""One row per order, in its latest state, with its amounts added up."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from pipelines.silver.orders import goods_value
from pipelines.table import Column, Table

TABLE = Table(
    name="gold.orders",
    grain="One row per order, in its latest state.",
    columns=(
        Column("order_id", "string", "The order."),
        Column("version", "int", "Version of the order's latest change."),
        Column("status", "string", "Latest status."),
        Column("customer_id", "string", "The person who ordered."),
        Column("customer_city", "string", "City of the delivery address."),
        Column("customer_state", "string", "State of the delivery address, two letters."),
        Column("session_id", "string", "The visit that led to the order, where known.", required=False),
        Column("placed_at", "timestamp", "When the order was placed, UTC."),
        Column("estimated_delivery_at", "timestamp", "Delivery date promised when it was placed, UTC.", required=False),
        Column("updated_at", "timestamp", "When the latest change happened, UTC."),
        Column("currency", "string", "ISO 4217 code of every amount in the row."),
        Column("items_count", "int", "Pieces ordered."),
        Column("goods_amount", "decimal(12,2)", "Prices times quantities, added up."),
        Column("freight_amount", "decimal(12,2)", "Freight, added up."),
        Column("amount", "decimal(12,2)", "Goods and freight."),
        Column("promotion_code", "string", "The promotion that was applied, if any.", required=False),
    ),
    key=("order_id",),
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
        F.expr("aggregate(items, 0, (sum, i) -> sum + i.quantity)").alias("items_count"),
        goods.alias("goods_amount"),
        freight.alias("freight_amount"),
        (goods + freight).cast("decimal(12,2)").alias("amount"),
    ).select(*TABLE.column_names)
