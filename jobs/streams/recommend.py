"""Recommend in the stream: after each click a list goes to tidemark.recommendations, and the newest
of its session to the online store.
"""

from collections.abc import Callable

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from pipelines.base.settings import settings
from pipelines.kafka import schema_registry, topics
from pipelines.online_store.suitability import require_suitable
from pipelines.online_store.two_version_records import Batch
from pipelines.recommendations import recommending
from pipelines.recommendations.champion import champion_watch
from pipelines.recommendations.experiment import assignment
from pipelines.silver import clicks
from pipelines.silver.refining import refine
from pipelines.streaming import incarnations
from pipelines.streaming.checkpoints import Checkpoint
from pipelines.streaming.failing_record import Trial
from pipelines.streaming.job import run_queries
from pipelines.streaming.reads import read_topics
from pipelines.streaming.records import Source
from pipelines.streaming.supervised_query import Query
from pipelines.streaming.writes import write_topics

TOPIC = "tidemark.recommendations"
CLICKED = str(clicks.TABLE.topic)


def start(spark: SparkSession) -> StreamingQuery:
    """Start the query tidemark.recommendations, whether there is a champion yet or not.

    Raises SettingsError where the online store is not one that keeps all states, ExperimentError
    where visitors cannot be dealt out.
    """
    require_suitable(settings().valkey)
    chosen = settings().recommendations
    assignment((), chosen.variants, chosen.experiment)
    incarnations.require_same_for_query(spark, TOPIC, topics.ids(settings().kafka, [CLICKED]))
    champion_watch().start()
    return write_topics(messages(read_topics(spark, [CLICKED], TOPIC)), TOPIC)


def messages(records: DataFrame, trial_of: Batch | None = None) -> DataFrame:
    """Return the lists after clicks as they are sent; with `trial_of`, a batch, without leaving
    states behind.
    """
    lists = recommending.recommend(refine(records, schema_registry.contract(CLICKED), clicks), trial_of)
    return recommending.messages(lists, schema_registry.writer(TOPIC))


def tried(spark: SparkSession, read: Callable[[Source], DataFrame]) -> DataFrame:
    """Return what the batch that is planned would send."""
    query_id, number = Checkpoint(spark, TOPIC).last_batch() or ("", -1)
    return messages(read(CLICKED), Batch(query_id, number + 1))


def queries() -> list[Query]:
    """Return the one query."""
    return [Query(TOPIC, start, Trial((CLICKED,), tried), topics=(CLICKED,))]


if __name__ == "__main__":
    run_queries("recommend", queries)
