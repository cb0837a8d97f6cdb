"""Refine the records of a topic into silver.reviews, straight from Kafka."""

from pyspark.sql import SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from pipelines.kafka.schema_registry import contract
from pipelines.silver import reviews
from pipelines.streaming import stream
from pipelines.streaming.job import run_queries


def start(spark: SparkSession) -> StreamingQuery:
    """Start the query silver.reviews."""
    records = stream.read_topic_of(spark, reviews.TABLE)
    refined = reviews.refine(records, contract("shop.reviews"))
    return stream.append(stream.deduplicate(refined, reviews.TABLE), reviews.TABLE)


if __name__ == "__main__":
    run_queries("refine_reviews", start)
