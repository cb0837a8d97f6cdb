"""Quarantine what silver refuses: every such record of bronze.events, with its reason."""

from collections.abc import Callable

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from pipelines.bronze import events
from pipelines.kafka.schema_registry import contract
from pipelines.silver import REFINED, quarantine
from pipelines.streaming.failing_record import Trial
from pipelines.streaming.job import run_queries
from pipelines.streaming.reads import read_table
from pipelines.streaming.records import Source
from pipelines.streaming.supervised_query import Query
from pipelines.streaming.writes import append


def rows(spark: SparkSession, read: Callable[[Source], DataFrame]) -> DataFrame:
    """Return what silver refuses of what `read` gives of the archive."""
    contracts = {str(silver.TABLE.topic): contract(str(silver.TABLE.topic)) for silver in REFINED}
    return quarantine.refuse(read(events.TABLE), contracts, REFINED)


def start(spark: SparkSession) -> StreamingQuery:
    """Start the query silver.quarantine."""
    archive = read_table(spark, events.TABLE, quarantine.TABLE)
    return append(rows(spark, lambda _: archive), quarantine.TABLE)


def queries() -> list[Query]:
    """Return the one query."""
    topics = tuple(str(silver.TABLE.topic) for silver in REFINED)
    return [Query(quarantine.TABLE.name, start, Trial((events.TABLE,), rows, quarantine.TABLE), topics)]


if __name__ == "__main__":
    run_queries("quarantine_events", queries)
