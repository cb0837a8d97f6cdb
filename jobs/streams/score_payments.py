"""Score payments in the stream with the champion: scores go to tidemark.fraud_scores, of what is
declined also alerts.
"""

from pyspark.sql import SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from pipelines.base.settings import settings
from pipelines.fraud import alerts, scoring
from pipelines.fraud.champion import champion_watch
from pipelines.kafka import schema_registry, topics
from pipelines.online_store.suitability import require_suitable
from pipelines.silver import payments
from pipelines.silver.refining import refine
from pipelines.streaming import incarnations
from pipelines.streaming.job import run_queries
from pipelines.streaming.reads import read_topics
from pipelines.streaming.supervised_query import Query
from pipelines.streaming.writes import write_topics

TOPIC = "tidemark.fraud_scores"


def start(spark: SparkSession) -> StreamingQuery:
    """Start the query tidemark.fraud_scores, once there is a champion.

    Raises SettingsError where the online store is not one that keeps all states.
    """
    require_suitable(settings().valkey)
    watch = champion_watch()
    model = spark.sparkContext.broadcast(watch.first())
    watch.start()
    topic = str(payments.TABLE.topic)
    incarnations.require_same_for_query(spark, TOPIC, topics.ids(settings().kafka, [topic]))
    arriving = refine(read_topics(spark, [topic], TOPIC), schema_registry.contract(topic), payments)
    scores = scoring.score(arriving, model)
    messages = scoring.messages(scores, schema_registry.writer(TOPIC), schema_registry.writer(alerts.TOPIC))
    return write_topics(messages, TOPIC, alerts.TOPIC)


def queries() -> list[Query]:
    """Return the one query."""
    return [Query(TOPIC, start, topics=(str(payments.TABLE.topic),))]


if __name__ == "__main__":
    run_queries("score_payments", queries)
