"""Score payments in the stream with the champion: scores go to tidemark.fraud_scores, of what is
declined also alerts.
"""

from collections.abc import Callable
from functools import cache

from pyspark import Broadcast
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from pipelines.base.settings import settings
from pipelines.fraud import alerts, scoring
from pipelines.fraud.champion import champion_watch
from pipelines.kafka import schema_registry, topics
from pipelines.models.packed import Packed
from pipelines.online_store.suitability import require_suitable
from pipelines.online_store.two_version_records import Batch
from pipelines.silver import payments
from pipelines.silver.refining import refine
from pipelines.streaming import incarnations
from pipelines.streaming.checkpoints import Checkpoint
from pipelines.streaming.failing_record import Trial
from pipelines.streaming.job import run_queries
from pipelines.streaming.reads import read_topics
from pipelines.streaming.records import Source
from pipelines.streaming.supervised_query import Query
from pipelines.streaming.writes import write_topics

TOPIC = "tidemark.fraud_scores"
PAID = str(payments.TABLE.topic)


def start(spark: SparkSession) -> StreamingQuery:
    """Start the query tidemark.fraud_scores, once there is a champion.

    Raises SettingsError where the online store is not one that keeps all states.
    """
    require_suitable(settings().valkey)
    incarnations.require_same_for_query(spark, TOPIC, topics.ids(settings().kafka, [PAID]))
    return write_topics(messages(read_topics(spark, [PAID], TOPIC), _first_model(spark)), TOPIC, alerts.TOPIC)


def messages(records: DataFrame, model: "Broadcast[Packed]", trial_of: Batch | None = None) -> DataFrame:
    """Return the scores and alerts of payments as they are sent; with `trial_of`, a batch, without
    leaving states behind.
    """
    scores = scoring.score(refine(records, schema_registry.contract(PAID), payments), model, trial_of)
    return scoring.messages(scores, schema_registry.writer(TOPIC), schema_registry.writer(alerts.TOPIC))


def tried(spark: SparkSession, read: Callable[[Source], DataFrame]) -> DataFrame:
    """Return what the batch that is planned would send."""
    query_id, number = Checkpoint(spark, TOPIC).last_batch() or ("", -1)
    return messages(read(PAID), _first_model(spark), Batch(query_id, number + 1))


@cache
def _first_model(spark: SparkSession) -> "Broadcast[Packed]":
    """Return the champion of now; the watch over it brings later ones to the workers."""
    watch = champion_watch()
    model = spark.sparkContext.broadcast(watch.first())
    watch.start()
    return model


def queries() -> list[Query]:
    """Return the one query."""
    return [Query(TOPIC, start, Trial((PAID,), tried), topics=(PAID,))]


if __name__ == "__main__":
    run_queries("score_payments", queries)
