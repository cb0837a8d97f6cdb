"""Measures how many payments a second the scoring query works off from a backlog, beside the same
query without Python.

The shop's own payments, taken again and again from the running stack's topic, each time as the
history of other cards, wait in Kafka; then the query runs as the demo runs it (its trigger, its
batches, the champion, all features, states read from and written to Valkey, scores and alerts to
Kafka) until all are scored. Kafka and Valkey are on the same cores. The floor works off the same
backlog in turn. The first rounds are not measured: in them Java compiles its code.
"""

from collections.abc import Iterator
from datetime import datetime
from itertools import count, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from confluent_kafka import Producer
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from rich.progress import track

from benchmarks import receipt
from benchmarks.support.fraud_payments import CARD, DEVICE
from benchmarks.support.own_states import forget, own_states
from benchmarks.support.own_topics import own_topics
from benchmarks.support.scoring_query import (
    BENCH_FLOOR,
    BENCH_IN,
    BENCH_SCORES,
    SCORES,
    SHOP,
    TOPICS,
    Flow,
    floor,
    running,
    scored,
)
from pipelines.base.errors import ServiceUnreachable
from pipelines.base.settings import settings
from pipelines.contracts import avro, schemas
from pipelines.fraud.features.card_state import CARD_STATE
from pipelines.fraud.features.feature_set import FEATURES
from pipelines.fraud.model import decisions
from pipelines.fraud.store import CARD_RECORD
from pipelines.kafka import schema_registry
from pipelines.kafka.topics import offsets
from pipelines.silver import payments
from pipelines.silver.refining import LINEAGE, refine
from pipelines.streaming.reads import read_topic_once
from pipelines.streaming.session import spark_session
from simulator.encoding import framed

PAYMENTS, WARM_ROUNDS, ROUNDS, LEAST_PAYMENTS = 200_000, 5, 5, 10_000
PROGRESS_KEPT = "spark.sql.streaming.numRecentProgressUpdates"


def main() -> None:
    """Measure both and write the receipt."""
    with own_topics(*TOPICS, partitions=settings().kafka.partitions_for(SHOP)), own_states():
        spark = spark_session("fraud_throughput")
        try:
            spark.conf.set(PROGRESS_KEPT, "10000")
            receipt.write("fraud_throughput", _described(), measured(spark))
        finally:
            spark.stop()


def _described() -> dict[str, object]:
    described = {"payments": PAYMENTS, "warm_rounds": WARM_ROUNDS, "rounds": ROUNDS}
    return {**described, "stream": settings().stream(SCORES).model_dump(exclude_none=True)}


def measured(spark: SparkSession) -> dict[str, float]:
    """Return the rates of both flows over all rounds, and what the scores say."""
    flows = {BENCH_SCORES: scored(spark), BENCH_FLOOR: floor(BENCH_IN)}
    seconds = dict.fromkeys(flows, 0.0)
    history = shop_payments(spark)
    endless = copies(history)
    with TemporaryDirectory() as folder:
        # From now on: the checkpoint remembers where the backlog begins.
        for target, flow in flows.items():
            drained(spark, flow, target, folder)
        for number in track(range(WARM_ROUNDS + ROUNDS), "rounds"):
            forget(CARD)
            forget(DEVICE)
            send(islice(endless, PAYMENTS))
            for target, flow in flows.items():
                seconds[target] += drained(spark, flow, target, folder) * (number >= WARM_ROUNDS)
    ours, native = (ROUNDS * PAYMENTS / seconds[target] for target in flows)
    cards = len({payment["card_id"] for payment in history}) / len(history) * PAYMENTS
    sizes = {"features_count": len(FEATURES), "state_bytes": CARD_STATE.itemsize, "record_bytes": CARD_RECORD.itemsize}
    rates = {"payments_per_s": ours, "native_payments_per_s": native, "ratio": ours / native, "cards_count": cards}
    return {**rates, **sizes, **answers(spark)}


def shop_payments(spark: SparkSession) -> list[dict[str, Any]]:
    """Return the payments that the stack's shop has made, in order of time, as the encoder takes
    them.

    Raises ServiceUnreachable where there are fewer than LEAST_PAYMENTS.
    """
    records = read_topic_once(spark, SHOP, *whole(SHOP))
    made = refine(records, schema_registry.contract(SHOP), payments).drop(*(column.name for column in LINEAGE))
    typed = made.withColumn("event_at", F.unix_micros("event_at")).withColumn("amount", (F.col("amount") * 100).cast("long"))
    found: list[dict[str, Any]] = typed.orderBy("event_at").toArrow().to_pylist()
    if len(found) < LEAST_PAYMENTS:
        raise ServiceUnreachable(
            f"The shop has made {len(found)} payments, {LEAST_PAYMENTS} are needed: run make demo, then make up."
        )
    return found


def whole(topic: str) -> tuple[dict[int, int], dict[int, int]]:
    """Return the first offset of every partition of a topic, and the one after the last."""
    known = offsets(settings().kafka, topic)
    first, after = ({partition: bounds[end] for partition, bounds in known.items()} for end in (0, 1))
    return first, after


def copies(history: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the payments again and again, without end, each time by other cards from other
    devices.
    """
    for copy in count():
        for payment in history:
            own = {name: f"{payment[name]}/{copy}" for name in ("event_id", "payment_id")}
            card, device = CARD.format(f"{payment['card_id']}/{copy}"), DEVICE.format(f"{payment['device_id']}/{copy}")
            yield {**payment, **own, "card_id": card, "device_id": device}


def send(backlog: Iterator[dict[str, Any]]) -> None:
    """Put a backlog into Kafka."""
    encode = framed(schemas.reader(SHOP), schema_registry.newest_id(SHOP))
    producer = Producer({"bootstrap.servers": settings().kafka.bootstrap_servers, "linger.ms": 50})
    for number, payment in enumerate(backlog):
        producer.produce(BENCH_IN, encode(payment), payment["card_id"])
        if number % 10_000 == 0:
            producer.flush()
    producer.flush()


def answers(spark: SparkSession) -> dict[str, float]:
    """Return how many scores there are, and the share of payments that were held up and given
    reasons.
    """
    score = avro.decode(F.col("value"), schema_registry.contract(SCORES))
    scores = read_topic_once(spark, BENCH_SCORES, *whole(BENCH_SCORES)).select(score.alias("score")).select("score.*")
    held = F.avg((F.col("decision") != decisions.APPROVE).cast("int"))
    counts = scores.agg(F.count("*"), F.countDistinct("event_id"), held, F.sum(F.col("degraded").cast("int"))).head()
    names = ("scores_count", "distinct_scores_count", "held_ratio", "degraded_count")
    return dict(zip(names, map(float, counts or ()), strict=True))


def drained(spark: SparkSession, flow: Flow, target: str, folder: str) -> float:
    """Work off what waits and return the seconds from the begin of the first batch to the end of
    the last.
    """
    with running(spark, BENCH_IN, flow, target, str(Path(folder) / target)) as query:
        query.processAllAvailable()
        batches = [progress for progress in query.recentProgress if progress.numInputRows]
    if not batches:
        return 0.0
    first, last = batches[0], batches[-1]
    began, ended = (datetime.fromisoformat(progress.timestamp).timestamp() for progress in (first, last))
    return ended + last.durationMs["triggerExecution"] / 1000 - began
