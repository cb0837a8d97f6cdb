"""Recover a table whose checkpoint is lost or damaged, or whose topic was made anew: its query
goes on, or begins a new checkpoint where the table's rows end.
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
from pipelines.operations import repair
from pipelines.streaming import incarnations, starts
from pipelines.streaming.checkpoints import TopicCheckpoint
from pipelines.streaming.damage import damaged, step_over
from pipelines.streaming.job import run
from pipelines.tables import table_named

log = logs.get(__name__)


def recover(spark: SparkSession, name: str) -> None:
    """Let the query of a table, or the scorer, go on, from its checkpoint or from a new one."""
    where = _recover_scorer(spark) if name == score_payments.TOPIC else repair.recover(spark, table_named(name))
    log.info("recovered", table=name, next=where)


def _recover_scorer(spark: SparkSession) -> str:
    """Step over what is damaged of the scorer's checkpoint where that changes no score, or else
    have it start over.
    """
    written = topics.records_written(settings().kafka, score_payments.TOPIC)
    checkpoint = TopicCheckpoint(spark, score_payments.TOPIC, written)
    found = ", ".join(damaged(checkpoint))
    how = step_over(checkpoint, None, None, is_merged=False) if found and not checkpoint.is_lost() else None
    return f"{found} could not be read: {how}." if how else _score_again(spark, checkpoint)


def _score_again(spark: SparkSession, checkpoint: TopicCheckpoint) -> str:
    """Let the scorer start over, and forget cards and devices: their states would fold payments
    twice.
    """
    is_lost = checkpoint.is_lost() or bool(damaged(checkpoint))
    checkpoint.require_lost(is_lost or starts.is_elsewhere(checkpoint, incarnations.remembered_by_query(checkpoint)))
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
