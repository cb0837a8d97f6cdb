"""Recover a table whose checkpoint is lost or damaged, or whose topic was made anew: its query
goes on, or begins a new checkpoint where the table's rows end.
"""

from collections.abc import Callable
from typing import Annotated, NamedTuple

import typer
from pyspark.sql import SparkSession

from jobs.streams import recommend, score_payments
from pipelines.base import exits, logs
from pipelines.base.settings import settings
from pipelines.fraud.store import FraudStore
from pipelines.kafka import topics
from pipelines.lake import table_files
from pipelines.lake.arrow import open_catalogue
from pipelines.online_store.client import Client
from pipelines.operations import repair
from pipelines.recommendations.store import RecommendationStore
from pipelines.streaming import incarnations, starts
from pipelines.streaming.checkpoints import TopicCheckpoint
from pipelines.streaming.commits import ArrowCommits
from pipelines.streaming.damage import damaged, step_over
from pipelines.streaming.job import run
from pipelines.tables import TABLES, table_named

NAME = "recover"
log = logs.get(__name__)


class Answers(NamedTuple):
    """What a query that answers into a topic has left in the online store, and what comes when it
    starts over.
    """

    forget: Callable[[Client], None]
    then: str


ANSWERS = {
    score_payments.TOPIC: Answers(
        lambda client: FraudStore(client).forget_cards(),
        "every payment that Kafka still has is scored again; in gold the first score stays.",
    ),
    recommend.TOPIC: Answers(
        lambda client: RecommendationStore(client, settings().recommendations.kept_s).forget_sessions(),
        "every click that Kafka still has is folded again; the newest get lists.",
    ),
}


def recover(spark: SparkSession, name: str) -> None:
    """Let the query of a table, the scorer or the recommender go on, from its checkpoint or from a
    new one.
    """
    where = _recover_answers(spark, name) if name in ANSWERS else repair.recover(spark, table_named(name))
    log.info("recovered", table=name, next=where)


def go_back(name: str) -> None:
    """Have a table be again what it was before files of it were damaged; its checkpoint, which has
    come further, is lost by that.
    """
    with open_catalogue() as catalogue:
        table = table_named(name)
        state = table_files.newest_whole(catalogue, table)
        if state is None or not state.damaged:
            return
        ArrowCommits(name).lose()
        table_files.go_back(catalogue, table, state)
    readers = [each.name for each in TABLES.values() if name in each.made_from]
    log.warning(
        "table_went_back", table=name, damaged=state.damaged[0], commits=len(state.damaged), recover_where_refused=readers
    )


def _recover_answers(spark: SparkSession, topic: str) -> str:
    """Step over what is damaged of the checkpoint of a topic's query where that changes no answer,
    or else have it start over.
    """
    checkpoint = TopicCheckpoint(spark, topic, topics.records_written(settings().kafka, topic))
    found = ", ".join(damaged(checkpoint))
    how = step_over(checkpoint, None, None, is_merged=False) if found and not checkpoint.is_lost() else None
    return f"{found} could not be read: {how}." if how else _answer_again(checkpoint, ANSWERS[topic])


def _answer_again(checkpoint: TopicCheckpoint, answers: Answers) -> str:
    """Let the query start over, and forget its states, which would fold events twice."""
    is_lost = checkpoint.is_lost() or bool(damaged(checkpoint))
    checkpoint.require_lost(is_lost or starts.is_elsewhere(checkpoint, incarnations.remembered_by_query(checkpoint)))
    with Client(settings().valkey) as client:
        answers.forget(client)
    checkpoint.begin()
    return answers.then


def main(
    table: Annotated[
        str,
        typer.Option(
            help="What is not to be trusted: a table such as silver.orders, tidemark.fraud_scores or tidemark.recommendations."
        ),
    ],
) -> None:
    """Recover a table that a power cut, a lost checkpoint or a new topic has stopped; its query
    must not run: `make down`, then `make up`.
    """
    with exits.in_words(NAME):
        if table not in ANSWERS:
            go_back(table)
    run(NAME, lambda spark: recover(spark, table))


if __name__ == "__main__":
    typer.run(main)
