"""A store that has lost the states of sessions gets the newest back, and the recommender goes on as
if nothing had been.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from builders import a_click, a_contract, at, framed
from click_batches import SESSIONS
from click_batches import clicks as a_batch
from confluent_kafka import Producer
from ids import NO_ID
from pyspark.sql import SparkSession
from recommenders import chosen, recommending_with

from pipelines.base.settings import Settings
from pipelines.contracts.contract import Contract
from pipelines.kafka import topics
from pipelines.lake import catalog
from pipelines.online_store.two_version_records import Batch
from pipelines.recommendations import rebuild_sessions
from pipelines.recommendations.features import click_records
from pipelines.recommendations.features.session import fold, new_sessions
from pipelines.recommendations.recommending import CLICK_COLUMNS, recommend_batch
from pipelines.recommendations.store import RecommendationStore
from pipelines.silver import clicks
from pipelines.silver.refining import refine
from pipelines.streaming.checkpoints import Checkpoint
from pipelines.streaming.reads import read_topic_once

RECOMMENDER = "tidemark.recommendations"
QUERY = str(UUID(int=7))
CLICKED = [a_click(event_id=f"e{n}", session_id=SESSIONS[n % 3], product_id=f"p{n}", event_at=at(60 * n)) for n in range(12)]


def test_clicks_in_slices_leave_the_states_of_all_at_once() -> None:
    clicked = a_batch(*range(40))
    came = click_records.keyed(clicked, NO_ID)
    expected = fold(new_sessions(3), came.session, came.records).states.tobytes()
    for cuts in ([], [7, 8], list(range(1, 40))):
        slices = [clicked.slice(a, b - a) for a, b in pairwise([0, *cuts, 40])]
        session_ids, left = rebuild_sessions.folded(slices)
        assert (session_ids, left.tobytes()) == (list(came.session_ids), expected)


@pytest.fixture
def topic(local_stack: Settings) -> str:
    """A topic of this test's own with clicks, one after the other in one partition."""
    name = f"test.{uuid4().hex}"
    topics.create_missing(local_stack.kafka.model_copy(update={"partitions": 1, "partitions_of": {}}), (name,))
    producer = Producer({"bootstrap.servers": local_stack.kafka.bootstrap_servers})
    for click in CLICKED:
        producer.produce(name, framed("shop.clicks", click), partition=0)
    assert producer.flush(30) == 0
    return name


@pytest.fixture
def contract(topic: str, spark: SparkSession, own_settings: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Contract]:
    """The clicks' contract for that topic, from which silver.clicks is refined."""
    monkeypatch.setattr(clicks, "TABLE", replace(clicks.TABLE, topic=topic))
    spark.sql(f"DROP TABLE IF EXISTS {clicks.TABLE.name}")
    yield replace(a_contract("shop.clicks"), topic=topic)
    spark.sql(f"DROP TABLE IF EXISTS {clicks.TABLE.name}")


def committed(spark: SparkSession, query: str, topic: str, until: int, number: int = 0) -> None:
    """Write the checkpoint of a query that has come to an offset."""
    checkpoint = Checkpoint(spark, query)
    checkpoint.write("metadata", json.dumps({"id": QUERY}))
    checkpoint.write(f"offsets/{number}", f"v1\n{{}}\n{json.dumps({topic: {'0': until}})}")
    checkpoint.write(f"commits/{number}", "v1\n{}")


@pytest.mark.integration
def test_lost_sessions_come_back_byte_for_byte_and_those_of_long_ago_do_not(
    spark: SparkSession, store: RecommendationStore, topic: str, contract: Contract
) -> None:
    catalog.ensure(spark, clicks.TABLE)
    refine(read_topic_once(spark, topic, {0: 0}, {0: 5}), contract, clicks).writeTo(clicks.TABLE.name).append()
    committed(spark, clicks.TABLE.name, topic, 5)
    for number, start in enumerate(range(0, 10, 4)):
        until = min(start + 4, 10)
        records = read_topic_once(spark, topic, {0: start}, {0: until})
        batch = refine(records, contract, clicks).orderBy("kafka_offset").select(*CLICK_COLUMNS).toArrow()
        recommend_batch(batch, Batch(QUERY, number), store, recommending_with(), chosen())
        committed(spark, RECOMMENDER, topic, until, number)
    left = store.peek(SESSIONS, "none").states.tobytes()
    store.client.reader.flushall()
    assert rebuild_sessions.rebuild(spark, store, RECOMMENDER, contract, kept_s=7200) == 3
    assert store.read(SESSIONS, Batch(QUERY, 3), "none").states.tobytes() == left
    assert rebuild_sessions.rebuild(spark, store, RECOMMENDER, contract, kept_s=0) == 0
    assert store.peek(SESSIONS, "none").states.tobytes() == new_sessions(3).tobytes()


def test_a_recommender_that_has_committed_nothing_has_nothing_to_rebuild(
    spark: SparkSession, own_settings: Path, store: RecommendationStore
) -> None:
    assert rebuild_sessions.rebuild(spark, store, RECOMMENDER, a_contract("shop.clicks"), kept_s=7200) == 0
