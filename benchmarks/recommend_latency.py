"""Measures the time from a click to its list in Kafka, and to the list that can be read in the
online store, beside the same query without Python, in turns.

Alone: clicks of our own at a fixed rate go through topics of our own, with a recommender of our
own, to the recommending query and to the floor (decode the click, encode it again) one after the
other, several rounds, after an unmeasured one in which Java compiles its code. With the demo
running: its own recommender is watched on the shop's clicks, first undisturbed, then with the floor
beside it, which takes a part of the same cores. A click's event_at is the moment it is sent (open
loop: a slow recommender slows no sender); the list's moment is the broker's append time, `seen` is
when a consumer had it, `readable` when the store gave it to who asked every few milliseconds.
"""

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from benchmarks import receipt
from benchmarks.support.bench_clicks import SESSION, a_click, a_packed_recommender, readable
from benchmarks.support.latencies import figures, flows, known, measured, parts, percentiles, send
from benchmarks.support.own_topics import own_topics
from benchmarks.support.scoring_query import Flow, running
from pipelines.base.settings import settings
from pipelines.contracts import avro
from pipelines.kafka import schema_registry
from pipelines.models.published import PublishedModels
from pipelines.online_store.client import Client
from pipelines.recommendations import recommending
from pipelines.recommendations.store import LISTS as LIST_KEYS
from pipelines.recommendations.store import SESSIONS as SESSION_KEYS
from pipelines.silver import clicks
from pipelines.silver.refining import filled, refine
from pipelines.streaming.session import spark_session

RATE, ROUNDS, COLD_S, WARM_S, MEASURE_S, DEMO_S = 200, 3, 60.0, 15.0, 20.0, 100.0
COUNTED = "lists"
LISTS, SHOP = "tidemark.recommendations", "shop.clicks"
BENCH_IN, BENCH_LISTS, BENCH_FLOOR = "bench.clicks", "bench.recommendations", "bench.click_floor"
BENCH_MODEL = "bench-recommendations"

Answers = tuple[np.ndarray, np.ndarray]  # (appended, seen) of each list, and when sampled ones were readable


def recommended() -> Flow:
    """Return the job's own path from Kafka's records to encoded lists."""
    of_shop = replace(schema_registry.contract(SHOP), topic=BENCH_IN)
    lists = replace(schema_registry.writer(LISTS), topic=BENCH_LISTS)
    return lambda records: recommending.messages(recommending.recommend(refine(records, of_shop, clicks)), lists)


def floor(source: str) -> Flow:
    """Return the same path with native expressions only: the click is decoded, judged and encoded
    again.
    """
    of_shop = replace(schema_registry.contract(SHOP), topic=source)
    fields = [column.name for column in filled(clicks.TABLE)]

    def through(records: DataFrame) -> DataFrame:
        value = avro.encode(F.struct(*fields), schema_registry.writer(SHOP))
        columns = F.lit(BENCH_FLOOR).alias("topic"), F.col("session_id").alias("key"), value.alias("value")
        return refine(records, of_shop, clicks).select(*columns)

    return through


def turn(spark: SparkSession, flow: Flow, target: str, warm_s: float = WARM_S) -> Answers:
    """Run one flow alone and return its latencies after it has warmed up."""
    with TemporaryDirectory() as checkpoint, running(spark, BENCH_IN, flow, target, checkpoint, LISTS) as query:
        query.processAllAvailable()
        seconds = warm_s + MEASURE_S

        def act() -> None:
            send(BENCH_IN, SHOP, a_click, "session_id", RATE, seconds)

        return watched(BENCH_IN, target, MEASURE_S, act, int(RATE * seconds))


def watched(source: str, target: str, seconds: float, act: Callable[[], object], expected: int | None = None) -> Answers:
    """Return the latencies of what was answered to the clicks of the last `seconds` of `act`."""
    found: list[tuple[float, float]] = []
    with readable(source, found):
        answers = measured(target, seconds, act, expected)
    end_ms = max((at_ms for at_ms, _ in found), default=0.0)
    return answers, np.array([latency for at_ms, latency in found if at_ms >= end_ms - seconds * 1000])


def alone(spark: SparkSession) -> dict[str, float]:
    """Return the figures of both flows in turns."""
    both = {BENCH_LISTS: recommended(), BENCH_FLOOR: floor(BENCH_IN)}
    for target, flow in both.items():
        turn(spark, flow, target, COLD_S)
    turns = [{target: turn(spark, flow, target) for target, flow in both.items()} for _ in range(ROUNDS)]
    ours, native = (np.concatenate([one[target][0] for one in turns]) for target in both)
    in_store = np.concatenate([one[BENCH_LISTS][1] for one in turns])
    return {**figures(ours, native, "", COUNTED), **readable_figures(in_store, "")}


def readable_figures(latencies: np.ndarray, suffix: str) -> dict[str, float]:
    """Return when lists could be read in the store."""
    p50, p99 = np.percentile(latencies, [50, 99])
    return {f"readable_p50_ms{suffix}": float(p50), f"readable_p99_ms{suffix}": float(p99)}


def demo_alone() -> dict[str, float]:
    """Return the figures of the demo's own recommender, undisturbed."""
    answers, in_store = watched(SHOP, LISTS, DEMO_S, lambda: time.sleep(DEMO_S))
    return {**percentiles(answers, "_demo", COUNTED), **readable_figures(in_store, "_demo")}


def beside_demo(spark: SparkSession) -> dict[str, float]:
    """Return the figures of the demo's own recommender and of the floor, both running on the same
    clicks.
    """

    def answers(topic: str) -> np.ndarray:
        return measured(topic, DEMO_S, lambda: time.sleep(COLD_S + DEMO_S))

    with (
        TemporaryDirectory() as checkpoint,
        running(spark, SHOP, floor(SHOP), BENCH_FLOOR, checkpoint, LISTS),
        ThreadPoolExecutor() as pool,
    ):
        native, ours = pool.submit(answers, BENCH_FLOOR), answers(LISTS)
        beside = percentiles(ours, "_demo", COUNTED, "beside_floor_")
        both = {**beside, **percentiles(native.result(), "_demo", COUNTED, "native_")}
        return {**both, "p99_ratio_demo": both["beside_floor_p99_ms_demo"] / both["native_p99_ms_demo"]}


def _with_own_model() -> None:
    """Have the workers of this benchmark recommend with a recommender of its own."""
    os.environ["TIDEMARK_RECOMMENDATIONS__MODEL_NAME"] = BENCH_MODEL
    settings.cache_clear()
    with Client(settings().valkey) as client:
        PublishedModels(client).publish(a_packed_recommender(BENCH_MODEL, "1"))


def _forget() -> None:
    """Let the store forget the sessions and the recommender of this benchmark."""
    with Client(settings().valkey) as client:
        for pattern in (f"{SESSION_KEYS}{SESSION}", f"{LIST_KEYS}{SESSION}", f"model:{BENCH_MODEL}:{{}}"):
            client.remove_matching(pattern.format("*"))


def _described(part: str, before: dict[str, Any]) -> dict[str, object]:
    """Return the settings of the receipt, with when each of its parts was measured."""
    measuring = {"rate_per_s": RATE, "rounds": ROUNDS, "cold_s": COLD_S, "measure_s": MEASURE_S, "demo_s": DEMO_S}
    return {**measuring, "trigger": settings().stream(LISTS).trigger, "parts": parts(part, before)}


def main() -> None:
    """Measure what can be measured now and write the receipt."""
    demo = flows(SHOP)
    # Before there is a Spark of our own, which would take a part of the demo's cores.
    found = demo_alone() if demo else {}
    if not demo:
        _with_own_model()
    with own_topics(BENCH_IN, BENCH_LISTS, BENCH_FLOOR, partitions=settings().kafka.partitions_for(SHOP)):
        spark = spark_session("recommend_latency")
        try:
            found |= beside_demo(spark) if demo else alone(spark)
            before = known("recommend_latency")
            receipt.write("recommend_latency", _described("demo" if demo else "alone", before), {**before["metrics"], **found})
        finally:
            spark.stop()
            _forget()
