"""Aggregate silver.orders into gold.seller_activity: 5-minute tumbling windows per seller."""

from pyspark.sql import SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from pipelines import stream
from pipelines.gold import seller_activity
from pipelines.job import run_queries
from pipelines.silver import orders


def start(spark: SparkSession) -> StreamingQuery:
    """Start the query gold.seller_activity."""
    table = seller_activity.TABLE
    placed = stream.read_table(spark, orders.TABLE, table)
    return stream.upsert(seller_activity.aggregate(placed, stream.lateness(table.name)), table)


if __name__ == "__main__":
    run_queries("aggregate_seller_activity", start)
