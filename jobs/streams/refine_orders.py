"""Refine the records of a topic into silver.orders, straight from Kafka."""

from pyspark.sql import SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from pipelines.kafka.schema_registry import contract
from pipelines.silver import orders
from pipelines.streaming import stream
from pipelines.streaming.job import run_queries


def start(spark: SparkSession) -> StreamingQuery:
    """Start the query silver.orders."""
    records = stream.read_topic_of(spark, orders.TABLE)
    refined = orders.refine(records, contract("shop.orders"))
    return stream.append(stream.deduplicate(refined, orders.TABLE), orders.TABLE)


if __name__ == "__main__":
    run_queries("refine_orders", start)
