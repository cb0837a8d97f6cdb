"""Refine the records of a topic into silver.chargebacks, straight from Kafka."""

from pyspark.sql import SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from pipelines.kafka.schema_registry import contract
from pipelines.silver import chargebacks
from pipelines.streaming import stream
from pipelines.streaming.job import run_queries


def start(spark: SparkSession) -> StreamingQuery:
    """Start the query silver.chargebacks."""
    records = stream.read_topic_of(spark, chargebacks.TABLE)
    refined = chargebacks.refine(records, contract("shop.chargebacks"))
    return stream.append(stream.deduplicate(refined, chargebacks.TABLE), chargebacks.TABLE)


if __name__ == "__main__":
    run_queries("refine_chargebacks", start)
