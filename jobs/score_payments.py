"""Score payments in the stream with the champion and send the scores to tidemark.fraud_scores."""

from pyspark.sql import SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from pipelines import schema_registry, scoring, stream
from pipelines.champion import champion_watch
from pipelines.job import run_queries
from pipelines.models.decisions import Policy
from pipelines.settings import settings
from pipelines.silver import payments

TOPIC = "tidemark.fraud_scores"


def start(spark: SparkSession) -> StreamingQuery:
    """Start the query tidemark.fraud_scores, once there is a champion."""
    watch = champion_watch()
    model = spark.sparkContext.broadcast(watch.first())
    watch.start()
    policy = Policy(settings().fraud.review_at, settings().fraud.decline_at)
    records = stream.read_topics(spark, [str(payments.TABLE.topic)], TOPIC)
    arriving = payments.refine(records, schema_registry.contract("shop.payments"))
    scores = scoring.score(arriving, model, policy)
    encoded = scoring.encoded(scores, schema_registry.reader(TOPIC), schema_registry.newest_id(TOPIC))
    return stream.write_topic(encoded, TOPIC)


if __name__ == "__main__":
    run_queries("score_payments", start)
