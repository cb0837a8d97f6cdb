"""Rebuild the online store's states of cards and devices from the payments that were scored, and
those of the newest sessions from their clicks, after it has lost its data.
"""

from pyspark.sql import SparkSession

from jobs.streams import recommend, score_payments
from pipelines.base import logs
from pipelines.base.settings import settings
from pipelines.fraud import rebuild_states
from pipelines.fraud.store import FraudStore
from pipelines.kafka.schema_registry import contract
from pipelines.online_store.client import Client
from pipelines.recommendations import rebuild_sessions
from pipelines.recommendations.store import RecommendationStore
from pipelines.streaming.job import run


def rebuild(spark: SparkSession) -> None:
    """Put the states that scorer and recommender left behind back into the store; neither may run
    meanwhile.
    """
    kept_s = settings().recommendations.kept_s
    with Client(settings().valkey) as client:
        sessions_of = RecommendationStore(client, kept_s), recommend.TOPIC, contract(recommend.CLICKED), kept_s
        sessions = rebuild_sessions.rebuild(spark, *sessions_of)
        cards = rebuild_states.rebuild(spark, FraudStore(client), score_payments.TOPIC, contract(score_payments.PAID))
    logs.get(__name__).info("online_store_rebuilt", cards=cards, sessions=sessions)


if __name__ == "__main__":
    run("rebuild_online_store", rebuild)
