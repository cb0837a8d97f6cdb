"""Aggregate silver.orders into gold.seller_activity: 5-minute tumbling windows per seller."""

from pyspark.sql import SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from pipelines.gold import seller_activity
from pipelines.silver import orders
from pipelines.streaming import stream
from pipelines.streaming.job import run_queries


def start(spark: SparkSession) -> StreamingQuery:
    """Start the query gold.seller_activity."""
    table = seller_activity.TABLE
    placed = stream.read_table(spark, orders.TABLE, table)
    return stream.upsert(seller_activity.aggregate(placed, stream.lateness(table.name)), table)


if __name__ == "__main__":
    run_queries("aggregate_seller_activity", start)
