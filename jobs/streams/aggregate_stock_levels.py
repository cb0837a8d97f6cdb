"""Aggregate silver.inventory into gold.stock_levels: what is on hand of each product."""

from pyspark.sql import SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from pipelines.gold import stock_levels
from pipelines.silver import inventory
from pipelines.streaming import stream
from pipelines.streaming.job import run_queries


def start(spark: SparkSession) -> StreamingQuery:
    """Start the query gold.stock_levels."""
    movements = stream.read_table(spark, inventory.TABLE, stock_levels.TABLE)
    return stream.upsert(stock_levels.aggregate(movements), stock_levels.TABLE)


if __name__ == "__main__":
    run_queries("aggregate_stock_levels", start)
