"""Refine the records of a topic into silver.clicks, straight from Kafka."""

from pyspark.sql import SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from pipelines.kafka.schema_registry import contract
from pipelines.silver import clicks
from pipelines.streaming import stream
from pipelines.streaming.job import run_queries


def start(spark: SparkSession) -> StreamingQuery:
    """Start the query silver.clicks."""
    records = stream.read_topic_of(spark, clicks.TABLE)
    refined = clicks.refine(records, contract("shop.clicks"))
    return stream.append(stream.deduplicate(refined, clicks.TABLE), clicks.TABLE)


if __name__ == "__main__":
    run_queries("refine_clicks", start)
