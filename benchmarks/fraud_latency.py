"""Measures the time from a payment to its score in Kafka, beside the same query without Python, in
turns.

Alone: payments of our own at a fixed rate go through topics of our own, to the scoring query and to
the floor (decode the payment, encode it again) one after the other, several rounds, after an
unmeasured one in which Java compiles its code. With the demo running: its own scorer is watched on
the shop's payments, first undisturbed, then with the floor beside it, which takes a part of the
same cores. A payment's event_at is the moment it is sent (open loop: a slow scorer slows no
sender); the score's moment is the broker's append time, `seen` is when a consumer had it.
"""

import time
from concurrent.futures import ThreadPoolExecutor
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from pyspark.sql import SparkSession

from benchmarks import receipt
from benchmarks.support.fraud_payments import a_payment
from benchmarks.support.latencies import figures, flows, known, measured, parts, percentiles, send
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
from pipelines.base.settings import settings
from pipelines.streaming.session import spark_session

ROUNDS, COLD_S, WARM_S, MEASURE_S, DEMO_S = 3, 90.0, 15.0, 15.0, 100.0
COUNTED = "scores"
RATES = {"": 200, "_1000": 1000}


def turn(spark: SparkSession, flow: Flow, target: str, rate: int, warm_s: float = WARM_S) -> np.ndarray:
    """Run one flow alone at a rate and return the latencies after it has warmed up."""
    with TemporaryDirectory() as checkpoint, running(spark, BENCH_IN, flow, target, checkpoint) as query:
        query.processAllAvailable()
        seconds = warm_s + MEASURE_S
        return measured(
            target, MEASURE_S, lambda: send(BENCH_IN, SHOP, a_payment, "card_id", rate, seconds), int(rate * seconds)
        )


def alone(spark: SparkSession) -> dict[str, float]:
    """Return the figures of both flows in turns, at each rate."""
    both = {BENCH_SCORES: scored(spark), BENCH_FLOOR: floor(BENCH_IN)}
    for target, flow in both.items():
        turn(spark, flow, target, max(RATES.values()), COLD_S)
    found: dict[str, float] = {}
    for suffix, rate in RATES.items():
        turns = [{target: turn(spark, flow, target, rate) for target, flow in both.items()} for _ in range(ROUNDS)]
        ours, native = (np.concatenate([one[target] for one in turns]) for target in both)
        found |= figures(ours, native, suffix, COUNTED)
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
        both = {
            **percentiles(ours, "_demo", COUNTED, "beside_floor_"),
            **percentiles(native.result(), "_demo", COUNTED, "native_"),
        }
        return {**both, "p99_ratio_demo": both["beside_floor_p99_ms_demo"] / both["native_p99_ms_demo"]}


def watched(topic: str, warm_s: float = 0.0) -> np.ndarray:
    """Return the latencies of what the running demo has answered in DEMO_S."""
    return measured(topic, DEMO_S, lambda: time.sleep(warm_s + DEMO_S))


def _described(part: str, before: dict[str, Any]) -> dict[str, object]:
    """Return the settings of the receipt, with when each of its parts was measured."""
    return {
        "rates_per_s": list(RATES.values()),
        "rounds": ROUNDS,
        "cold_s": COLD_S,
        "measure_s": MEASURE_S,
        "demo_s": DEMO_S,
        "parts": parts(part, before),
    }


def main() -> None:
    """Measure what can be measured now and write the receipt."""
    demo = flows(SHOP)
    # Before there is a Spark of our own, which would take a part of the demo's cores.
    found = percentiles(watched(SCORES), "_demo", COUNTED) if demo else {}
    with own_topics(*TOPICS, partitions=settings().kafka.partitions_for(SHOP)), own_states():
        spark = spark_session("fraud_latency")
        try:
            found |= beside_demo(spark) if demo else alone(spark)
            before = known("fraud_latency")
            receipt.write("fraud_latency", _described("demo" if demo else "alone", before), {**before["metrics"], **found})
        finally:
            spark.stop()
