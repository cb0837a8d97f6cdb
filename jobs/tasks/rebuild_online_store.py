"""Rebuild the online store's states of cards and devices from the payments that were scored, after
it has lost its data.
"""

from pyspark.sql import SparkSession

from jobs.streams import score_payments
from pipelines.base import logs
from pipelines.base.settings import settings
from pipelines.fraud import rebuild_states
from pipelines.fraud.store import FraudStore
from pipelines.kafka.schema_registry import contract
from pipelines.online_store.client import Client
from pipelines.silver import payments
from pipelines.streaming.job import run


def rebuild(spark: SparkSession) -> None:
    """Put the states that the scorer left behind back into the store; the scorer must not run
    meanwhile.
    """
    with Client(settings().valkey) as client:
        payment = contract(str(payments.TABLE.topic))
        cards = rebuild_states.rebuild(spark, FraudStore(client), score_payments.TOPIC, payment)
    logs.get(__name__).info("online_store_rebuilt", cards=cards)


if __name__ == "__main__":
    run("rebuild_online_store", rebuild)
