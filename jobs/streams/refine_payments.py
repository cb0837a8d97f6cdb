"""Refine the records of a topic into silver.payments, straight from Kafka."""

from pyspark.sql import SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from pipelines.kafka.schema_registry import contract
from pipelines.silver import payments
from pipelines.streaming import stream
from pipelines.streaming.job import run_queries


def start(spark: SparkSession) -> StreamingQuery:
    """Start the query silver.payments."""
    records = stream.read_topic_of(spark, payments.TABLE)
    refined = payments.refine(records, contract("shop.payments"))
    return stream.append(stream.deduplicate(refined, payments.TABLE), payments.TABLE)


if __name__ == "__main__":
    run_queries("refine_payments", start)
