"""Measures the time from a payment to its score in Kafka, beside the same query without Python, in
turns.

Alone: payments of our own at a fixed rate go through topics of our own, to the scoring query and to
the floor (decode the payment, encode it again) one after the other, several rounds, after an
unmeasured one in which Java compiles its code. With the demo running: its own scorer is watched on
the shop's payments, first undisturbed, then with the floor beside it, which takes a part of the
same cores. A payment's event_at is the moment it is sent (open loop: a slow scorer slows no
sender); the score's moment is the broker's append time, `seen` is when a consumer had it.
"""

import json
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from confluent_kafka import Consumer, Producer
from pyspark.sql import SparkSession

from benchmarks import receipt
from benchmarks.support.fraud_payments import a_payment, moments
from benchmarks.support.own_states import own_states
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
from pipelines.base.provenance import commit
from pipelines.base.settings import settings
from pipelines.contracts import schemas
from pipelines.kafka import schema_registry
from pipelines.kafka.topics import end_offsets
from pipelines.streaming.session import spark_session
from simulator.encoding import framed

ROUNDS, COLD_S, WARM_S, MEASURE_S, DEMO_S, SETTLE_S = 3, 90.0, 15.0, 15.0, 100.0, 20.0
RATES = {"": 200, "_1000": 1000}


def send(rate: int, seconds: float) -> None:
    """Send `rate` payments a second, each at its time whatever happens to the ones before."""
    encode = framed(schemas.reader(SHOP), schema_registry.newest_id(SHOP))
    producer = Producer({"bootstrap.servers": settings().kafka.bootstrap_servers, "linger.ms": 0})
    began = time.monotonic()
    for number in range(int(rate * seconds)):
        time.sleep(max(0.0, began + number / rate - time.monotonic()))
        payment = a_payment(number)
        producer.produce(BENCH_IN, encode(payment), payment["card_id"])
        producer.poll(0)
    producer.flush()


def measured(topic: str, seconds: float, act: Callable[[], object], expected: int | None = None) -> np.ndarray:
    """Return (appended, seen) in ms after event_at of the answers to what happened in the last
    `seconds` of `act`.

    Listening goes on after `act` until `expected` answers came, so that the slowest count too.
    """
    consumer = Consumer({"bootstrap.servers": settings().kafka.bootstrap_servers, "group.id": str(uuid.uuid4())})
    found: list[tuple[float, float, float]] = []
    with moments(consumer, topic, end_offsets(settings().kafka, topic), found):
        act()
        end_ms = time.time() * 1000
        _settle(lambda: expected is not None and len(found) >= expected)
    answers = np.array(found)
    return answers[(answers[:, 0] >= end_ms - seconds * 1000) & (answers[:, 0] < end_ms), 1:]


def _settle(done: Callable[[], bool]) -> None:
    """Wait until it is done, SETTLE_S at most."""
    until = time.monotonic() + SETTLE_S
    while not done() and time.monotonic() < until:
        time.sleep(0.1)


def turn(spark: SparkSession, flow: Flow, target: str, rate: int, warm_s: float = WARM_S) -> np.ndarray:
    """Run one flow alone at a rate and return the latencies after it has warmed up."""
    with TemporaryDirectory() as checkpoint, running(spark, BENCH_IN, flow, target, checkpoint) as query:
        query.processAllAvailable()
        seconds = warm_s + MEASURE_S
        return measured(target, MEASURE_S, lambda: send(rate, seconds), int(rate * seconds))


def figures(ours: np.ndarray, native: np.ndarray, suffix: str) -> dict[str, float]:
    """Return the percentiles of both and the ratio of their p99."""
    both = {**percentiles(ours, suffix), **percentiles(native, suffix, "native_")}
    return {**both, f"p99_ratio{suffix}": both[f"p99_ms{suffix}"] / both[f"native_p99_ms{suffix}"]}


def percentiles(answers: np.ndarray, suffix: str, prefix: str = "") -> dict[str, float]:
    """Return when answers were appended and when they were seen, and how many there were."""
    (p50, p99), (seen_p50, seen_p99) = (np.percentile(answers[:, column], [50, 99]) for column in (0, 1))
    named = {"p50_ms": p50, "p99_ms": p99, "seen_p50_ms": seen_p50, "seen_p99_ms": seen_p99, "scores_count": len(answers)}
    return {f"{prefix}{name}{suffix}": float(value) for name, value in named.items()}


def alone(spark: SparkSession) -> dict[str, float]:
    """Return the figures of both flows in turns, at each rate."""
    flows = {BENCH_SCORES: scored(spark), BENCH_FLOOR: floor(BENCH_IN)}
    for target, flow in flows.items():
        turn(spark, flow, target, max(RATES.values()), COLD_S)
    found: dict[str, float] = {}
    for suffix, rate in RATES.items():
        turns = [{target: turn(spark, flow, target, rate) for target, flow in flows.items()} for _ in range(ROUNDS)]
        ours, native = (np.concatenate([one[target] for one in turns]) for target in flows)
        found |= figures(ours, native, suffix)
    return found


def beside_demo(spark: SparkSession) -> dict[str, float]:
    """Return the figures of the demo's own scorer and of the floor, both running on the same
    payments.
    """
    with (
        TemporaryDirectory() as checkpoint,
        running(spark, SHOP, floor(SHOP), BENCH_FLOOR, checkpoint),
        ThreadPoolExecutor() as pool,
    ):
        native = pool.submit(watched, BENCH_FLOOR, COLD_S)
        ours = watched(SCORES, COLD_S)
        both = {**percentiles(ours, "_demo", "beside_floor_"), **percentiles(native.result(), "_demo", "native_")}
        return {**both, "p99_ratio_demo": both["beside_floor_p99_ms_demo"] / both["native_p99_ms_demo"]}


def watched(topic: str, warm_s: float = 0.0) -> np.ndarray:
    """Return the latencies of what the running demo has answered in DEMO_S."""
    return measured(topic, DEMO_S, lambda: time.sleep(warm_s + DEMO_S))


def _demo_runs() -> bool:
    before = end_offsets(settings().kafka, SHOP)
    time.sleep(3.0)
    return end_offsets(settings().kafka, SHOP) != before


def _known() -> dict[str, Any]:
    """Return the receipt there is: alone and demo are measured one after the other, each under its
    own names.
    """
    file = receipt.RECEIPTS / "fraud_latency.json"
    return dict(json.loads(file.read_text())) if file.is_file() else {"settings": {}, "metrics": {}}


def _described(part: str, before: dict[str, Any]) -> dict[str, object]:
    """Return the settings of the receipt, with the commit and the time at which each of its parts
    was measured.
    """
    now = {"commit": commit(), "at": datetime.now(UTC).isoformat(timespec="seconds")}
    parts = {**before["settings"].get("parts", {}), part: now}
    return {
        "rates_per_s": list(RATES.values()),
        "rounds": ROUNDS,
        "cold_s": COLD_S,
        "measure_s": MEASURE_S,
        "demo_s": DEMO_S,
        "parts": parts,
    }


def main() -> None:
    """Measure what can be measured now and write the receipt."""
    demo = _demo_runs()
    # Before there is a Spark of our own, which would take a part of the demo's cores.
    found = percentiles(watched(SCORES), "_demo") if demo else {}
    with own_topics(*TOPICS, partitions=settings().kafka.partitions_for(SHOP)), own_states():
        spark = spark_session("fraud_latency")
        try:
            found |= beside_demo(spark) if demo else alone(spark)
            before = _known()
            receipt.write("fraud_latency", _described("demo" if demo else "alone", before), {**before["metrics"], **found})
        finally:
            spark.stop()
