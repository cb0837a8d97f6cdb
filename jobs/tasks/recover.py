"""Recover a table whose checkpoint is lost: its query begins a new one where the table's rows
end.
"""

from typing import Annotated

import typer
from pyspark.sql import SparkSession

from jobs.streams import score_payments
from pipelines.base import logs
from pipelines.base.settings import settings
from pipelines.fraud.store import FraudStore
from pipelines.kafka import topics
from pipelines.online_store.client import Client
from pipelines.operations.repair import forget_checkpoint
from pipelines.streaming.checkpoints import TopicCheckpoint
from pipelines.streaming.job import run
from pipelines.tables import table_named

log = logs.get(__name__)


def recover(spark: SparkSession, name: str) -> None:
    """Let the query of a table, or the scorer, begin a new checkpoint."""
    where = _score_again(spark) if name == score_payments.TOPIC else forget_checkpoint(spark, table_named(name))
    log.info("recovered", table=name, next=where)


def _score_again(spark: SparkSession) -> str:
    """Let the scorer start over, and forget cards and devices: their states would fold payments
    twice.
    """
    written = topics.records_written(settings().kafka, score_payments.TOPIC)
    checkpoint = TopicCheckpoint(spark, score_payments.TOPIC, written)
    checkpoint.require_lost(checkpoint.is_lost())
    with Client(settings().valkey) as client:
        FraudStore(client).forget_cards()
    checkpoint.begin()
    return "every payment that Kafka still has is scored again; in gold the first score stays."


def main(
    table: Annotated[
        str, typer.Option(help="Whose checkpoint is lost: a table such as silver.orders, or tidemark.fraud_scores.")
    ],
) -> None:
    """Recover a table whose checkpoint is lost; its query must not run: `make down`, then `make
    up`.
    """
    run("recover", lambda spark: recover(spark, table))


if __name__ == "__main__":
    typer.run(main)
