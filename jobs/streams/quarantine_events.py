"""Quarantine what silver refuses: every such record of bronze.events, with its reason."""

from pyspark.sql import SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from pipelines.bronze import events
from pipelines.kafka.schema_registry import contract
from pipelines.silver import quarantine
from pipelines.streaming import stream
from pipelines.streaming.job import run_queries


def start(spark: SparkSession) -> StreamingQuery:
    """Start the query silver.quarantine."""
    archive = stream.read_table(spark, events.TABLE, quarantine.TABLE)
    contracts = {topic: contract(topic) for topic in quarantine.RULES_BY_TOPIC}
    return stream.append(quarantine.refuse(archive, contracts), quarantine.TABLE)


if __name__ == "__main__":
    run_queries("quarantine_events", start)
