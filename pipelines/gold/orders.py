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
        # Not required: rows that are older than the column lack it.
        Column("event_id", "string", "The event of the latest change.", required=False),
    ),
    key=("order_id",),
    # Events of one version that differ: the same one wins wherever a batch ends.
    written=Merge(newest_by=("version", "updated_at", "event_id")),
    partitioning=("months(placed_at)",),
    properties={
        "write.merge.mode": "merge-on-read",
        "write.update.mode": "merge-on-read",
        # A merge finds the few files that hold its orders among those of years.
        "write.parquet.bloom-filter-enabled.column.order_id": "true",
        "write.parquet.bloom-filter-fpp.column.order_id": "0.001",
        # A row group has some hundred thousand orders, for which this is enough. The smallest that
        # Parquet then makes has 16 kB, and each merge makes a file.
        "write.parquet.bloom-filter-adaptive-enabled": "true",
        "write.parquet.bloom-filter-max-bytes": "262144",
        "write.parquet.row-group-size-bytes": "16777216",
    },
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
