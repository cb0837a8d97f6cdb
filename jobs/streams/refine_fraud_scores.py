"""Refine the records of a topic into silver.fraud_scores, straight from Kafka."""

from pyspark.sql import SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from pipelines.kafka.schema_registry import contract
from pipelines.silver import fraud_scores
from pipelines.streaming import stream
from pipelines.streaming.job import run_queries


def start(spark: SparkSession) -> StreamingQuery:
    """Start the query silver.fraud_scores."""
    records = stream.read_topic_of(spark, fraud_scores.TABLE)
    refined = fraud_scores.refine(records, contract("tidemark.fraud_scores"))
    return stream.append(stream.deduplicate(refined, fraud_scores.TABLE), fraud_scores.TABLE)


if __name__ == "__main__":
    run_queries("refine_fraud_scores", start)
