"""Aggregate silver.orders into gold.orders: each order in its latest state."""

from pyspark.sql import SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from pipelines.gold import orders
from pipelines.silver import orders as changes
from pipelines.streaming import stream
from pipelines.streaming.job import run_queries


def start(spark: SparkSession) -> StreamingQuery:
    """Start the query gold.orders."""
    arriving = stream.read_table(spark, changes.TABLE, orders.TABLE)
    return stream.upsert(orders.aggregate(arriving), orders.TABLE, newest_by="version")


if __name__ == "__main__":
    run_queries("aggregate_orders", start)
