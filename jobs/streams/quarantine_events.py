"""Quarantine what silver refuses: every such record of bronze.events, with its reason."""

from pyspark.sql import SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from pipelines.bronze import events
from pipelines.kafka.schema_registry import contract
from pipelines.silver import REFINED, quarantine
from pipelines.streaming.job import run_queries
from pipelines.streaming.reads import read_table
from pipelines.streaming.supervised_query import Query
from pipelines.streaming.writes import append


def start(spark: SparkSession) -> StreamingQuery:
    """Start the query silver.quarantine."""
    archive = read_table(spark, events.TABLE, quarantine.TABLE)
    contracts = {str(silver.TABLE.topic): contract(str(silver.TABLE.topic)) for silver in REFINED}
    return append(quarantine.refuse(archive, contracts, REFINED), quarantine.TABLE)


def queries() -> list[Query]:
    """Return the one query."""
    return [Query(quarantine.TABLE.name, start, topics=tuple(str(silver.TABLE.topic) for silver in REFINED))]


if __name__ == "__main__":
    run_queries("quarantine_events", queries)
