"""Aggregate silver.orders and silver.clicks into gold.business_metrics, minute by minute."""

from pyspark.sql import SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from pipelines.gold import business_metrics
from pipelines.silver import clicks, orders
from pipelines.streaming import stream
from pipelines.streaming.job import run_queries


def start(spark: SparkSession) -> StreamingQuery:
    """Start the query gold.business_metrics."""
    table = business_metrics.TABLE
    placed, visits = (stream.read_table(spark, silver.TABLE, table) for silver in (orders, clicks))
    metrics = business_metrics.aggregate(placed, visits, stream.lateness(table.name))
    return stream.upsert(metrics, table)


if __name__ == "__main__":
    run_queries("aggregate_business_metrics", start)
