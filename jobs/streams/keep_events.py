"""Keep every record of every topic that silver is refined from in bronze.events, as it came."""

from pyspark.sql import SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from pipelines.bronze import events
from pipelines.silver import REFINED
from pipelines.streaming.job import run_queries
from pipelines.streaming.reads import read_topics_of
from pipelines.streaming.supervised_query import Query
from pipelines.streaming.writes import append

TOPICS = tuple(str(silver.TABLE.topic) for silver in REFINED)


def start(spark: SparkSession, topics: tuple[str, ...] = TOPICS) -> StreamingQuery:
    """Start the query bronze.events."""
    records = read_topics_of(spark, events.TABLE, *topics)
    return append(events.keep(records), events.TABLE)


def queries() -> list[Query]:
    """Return the one query."""
    return [Query(events.TABLE.name, start, reads=TOPICS)]


if __name__ == "__main__":
    run_queries("keep_events", queries)
