"""Keep every record of every topic that silver is refined from in bronze.events, as it came."""

from pyspark.sql import SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from pipelines.bronze import events
from pipelines.silver.quarantine import RULES_BY_TOPIC
from pipelines.streaming import stream
from pipelines.streaming.job import run_queries


def start(spark: SparkSession) -> StreamingQuery:
    """Start the query bronze.events."""
    records = stream.read_topics_of(spark, events.TABLE, list(RULES_BY_TOPIC))
    return stream.append(events.keep(records), events.TABLE)


if __name__ == "__main__":
    run_queries("keep_events", start)
