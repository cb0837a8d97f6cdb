"""Refine the records of a topic into silver.inventory, straight from Kafka."""

from pyspark.sql import SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from pipelines.kafka.schema_registry import contract
from pipelines.silver import inventory
from pipelines.streaming import stream
from pipelines.streaming.job import run_queries


def start(spark: SparkSession) -> StreamingQuery:
    """Start the query silver.inventory."""
    records = stream.read_topic_of(spark, inventory.TABLE)
    refined = inventory.refine(records, contract("shop.inventory"))
    return stream.append(stream.deduplicate(refined, inventory.TABLE), inventory.TABLE)


if __name__ == "__main__":
    run_queries("refine_inventory", start)
