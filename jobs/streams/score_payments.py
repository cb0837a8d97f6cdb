"""Score payments in the stream with the champion: scores go to tidemark.fraud_scores, of what is
declined also alerts.
"""

from pyspark.sql import SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from pipelines.fraud import alerts, scoring
from pipelines.fraud.champion import champion_watch
from pipelines.kafka import schema_registry
from pipelines.silver import payments
from pipelines.streaming import stream
from pipelines.streaming.job import run_queries

TOPIC = "tidemark.fraud_scores"


def start(spark: SparkSession) -> StreamingQuery:
    """Start the query tidemark.fraud_scores, once there is a champion."""
    watch = champion_watch()
    model = spark.sparkContext.broadcast(watch.first())
    watch.start()
    records = stream.read_topics(spark, [str(payments.TABLE.topic)], TOPIC)
    arriving = payments.refine(records, schema_registry.contract("shop.payments"))
    scores = scoring.score(arriving, model)
    messages = scoring.messages(scores, schema_registry.writer(TOPIC), schema_registry.writer(alerts.TOPIC))
    return stream.write_topics(messages, TOPIC, alerts.TOPIC)


if __name__ == "__main__":
    run_queries("score_payments", start)
