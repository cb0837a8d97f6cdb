"""A store that has lost the states of cards and devices gets them back, and the scorer goes on as
if nothing had been.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from uuid import UUID, uuid4

import pyarrow as pa
import pytest
from builders import a_contract, a_payment, at, framed
from confluent_kafka import Producer
from fraud_models import a_serving
from ids import NO_ID
from payment_batches import payments as a_batch
from pyspark.sql import SparkSession

from pipelines.base.errors import CheckpointError
from pipelines.base.settings import Settings
from pipelines.contracts.contract import Contract
from pipelines.fraud import rebuild_states
from pipelines.fraud.features import payment_records
from pipelines.fraud.features.fold import fold, nothing_known
from pipelines.fraud.features.payment_records import Keys
from pipelines.fraud.scoring import PAYMENT_COLUMNS, score_batch
from pipelines.fraud.store import FraudStore
from pipelines.kafka import topics
from pipelines.lake import catalog
from pipelines.online_store.two_version_records import Batch
from pipelines.silver import payments
from pipelines.silver.refining import refine
from pipelines.streaming.checkpoints import Checkpoint
from pipelines.streaming.reads import read_topic_once

SCORER = "tidemark.fraud_scores"
QUERY = str(UUID(int=7))
PAID = [
    a_payment(event_id=f"e{n}", payment_id=f"p{n}", card_id=f"card{n % 3}", device_id=f"device{n % 2}", event_at=at(60 * n))
    for n in range(12)
]


def test_payments_in_slices_leave_the_states_of_all_at_once() -> None:
    paid = a_batch(*range(40))
    keys, numbered = payment_records.keyed(paid, NO_ID)
    expected = [each.tobytes() for each in fold(nothing_known(keys), numbered).states]
    for cuts in ([], [7, 8], list(range(1, 40))):
        slices = [paid.slice(a, b - a) for a, b in pairwise([0, *cuts, 40])]
        in_slices, left = rebuild_states.folded(slices)
        assert (in_slices[:2], [each.tobytes() for each in left]) == (keys[:2], expected)


@pytest.fixture
def topic(local_stack: Settings) -> str:
    """A topic of this test's own with payments, one after the other in one partition."""
    name = f"test.{uuid4().hex}"
    topics.create_missing(local_stack.kafka.model_copy(update={"partitions": 1, "partitions_of": {}}), (name,))
    producer = Producer({"bootstrap.servers": local_stack.kafka.bootstrap_servers})
    for payment in PAID:
        producer.produce(name, framed("shop.payments", payment), payment["card_id"], partition=0)
    assert producer.flush(30) == 0
    return name


@pytest.fixture
def contract(topic: str, spark: SparkSession, own_settings: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Contract]:
    """The payments' contract for that topic, from which silver.payments is refined."""
    monkeypatch.setattr(payments, "TABLE", replace(payments.TABLE, topic=topic))
    spark.sql(f"DROP TABLE IF EXISTS {payments.TABLE.name}")
    yield replace(a_contract("shop.payments"), topic=topic)
    spark.sql(f"DROP TABLE IF EXISTS {payments.TABLE.name}")


def committed(spark: SparkSession, query: str, topic: str, until: int, number: int = 0) -> None:
    """Write the checkpoint of a query that has come to an offset."""
    checkpoint = Checkpoint(spark, query)
    checkpoint.write("metadata", json.dumps({"id": QUERY}))
    checkpoint.write(f"offsets/{number}", f"v1\n{{}}\n{json.dumps({topic: {'0': until}})}")
    checkpoint.write(f"commits/{number}", "v1\n{}")


def refined_until(spark: SparkSession, topic: str, contract: Contract, until: int) -> None:
    """Have silver hold the payments before an offset."""
    catalog.ensure(spark, payments.TABLE)
    refine(read_topic_once(spark, topic, {0: 0}, {0: until}), contract, payments).writeTo(payments.TABLE.name).append()
    committed(spark, payments.TABLE.name, topic, until)


def scored(spark: SparkSession, topic: str, contract: Contract, store: FraudStore, until: int) -> None:
    """Score the payments before an offset in batches of four, as the stream does."""
    for number, start in enumerate(range(0, until, 4)):
        records = read_topic_once(spark, topic, {0: start}, {0: min(start + 4, until)})
        batch = refine(records, contract, payments).orderBy("kafka_offset").select(*PAYMENT_COLUMNS).toArrow()
        score_batch(batch, Batch(QUERY, number), store, a_serving())
        committed(spark, SCORER, topic, min(start + 4, until), number)


def states(store: FraudStore) -> dict[str, bytes]:
    """Return the state of every card and device as the next batch starts from it."""
    cards, devices = [f"card{n}" for n in range(3)], [f"device{n}" for n in range(2)]
    states = store.read(Keys(cards, devices, []), Batch(QUERY, 9), "fraud").known.states
    named = [*zip(cards, states.cards, strict=True), *zip(devices, states.devices, strict=True)]
    return {name: state.tobytes() for name, state in named}


@pytest.mark.integration
@pytest.mark.parametrize("silver_until", [0, 5, 12], ids=["silver behind", "silver half way", "silver ahead"])
def test_lost_states_come_back_byte_for_byte(
    spark: SparkSession, store: FraudStore, topic: str, contract: Contract, silver_until: int
) -> None:
    scored(spark, topic, contract, store, until=10)
    refined_until(spark, topic, contract, silver_until)
    left = states(store)
    store.client.reader.flushall()
    assert all(state != left[name] for name, state in states(store).items())
    assert rebuild_states.rebuild(spark, store, SCORER, contract) == 3
    assert states(store) == left


@pytest.mark.integration
def test_the_next_batch_is_scored_as_if_nothing_had_been_lost(
    spark: SparkSession, store: FraudStore, topic: str, contract: Contract
) -> None:
    scored(spark, topic, contract, store, until=8)
    refined_until(spark, topic, contract, 8)
    rest = refine(read_topic_once(spark, topic, {0: 8}, {0: 12}), contract, payments).orderBy("kafka_offset")
    batch: pa.Table = rest.select(*PAYMENT_COLUMNS).toArrow()
    wanted = score_batch(batch, Batch(QUERY, 2), store, a_serving())
    store.client.reader.flushall()
    rebuild_states.rebuild(spark, store, SCORER, contract)
    got = score_batch(batch, Batch(QUERY, 2), store, a_serving())
    # NaN is not itself.
    assert repr(got.drop(["scored_at"]).to_pylist()) == repr(wanted.drop(["scored_at"]).to_pylist())


def test_a_scorer_that_has_committed_nothing_has_nothing_to_rebuild(
    spark: SparkSession, own_settings: Path, store: FraudStore
) -> None:
    with pytest.raises(CheckpointError, match="has committed no batch"):
        rebuild_states.rebuild(spark, store, SCORER, a_contract("shop.payments"))
