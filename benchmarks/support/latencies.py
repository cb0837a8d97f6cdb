"""Latencies of what a query sends: from an event to its answer, open loop, and as figures of a
receipt.
"""

import json
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import numpy as np
from confluent_kafka import Consumer, Producer

from benchmarks import receipt
from benchmarks.support.fraud_payments import moments
from pipelines.base.provenance import commit
from pipelines.base.settings import settings
from pipelines.contracts import schemas
from pipelines.kafka import schema_registry
from pipelines.kafka.topics import end_offsets
from simulator.encoding import framed

SETTLE_S = 20.0


def send(topic: str, contract: str, an_event: Callable[[int], dict[str, Any]], key: str, rate: int, seconds: float) -> None:
    """Send `rate` events a second to a topic, written with the schema of the topic `contract`, each
    at its time whatever happens to the ones before.
    """
    encode = framed(schemas.reader(contract), schema_registry.newest_id(contract))
    producer = Producer({"bootstrap.servers": settings().kafka.bootstrap_servers, "linger.ms": 0})
    began = time.monotonic()
    for number in range(int(rate * seconds)):
        time.sleep(max(0.0, began + number / rate - time.monotonic()))
        event = an_event(number)
        producer.produce(topic, encode(event), event[key])
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


def figures(ours: np.ndarray, native: np.ndarray, suffix: str, counted: str) -> dict[str, float]:
    """Return the percentiles of both and the ratio of their p99."""
    both = {**percentiles(ours, suffix, counted), **percentiles(native, suffix, counted, "native_")}
    return {**both, f"p99_ratio{suffix}": both[f"p99_ms{suffix}"] / both[f"native_p99_ms{suffix}"]}


def percentiles(answers: np.ndarray, suffix: str, counted: str, prefix: str = "") -> dict[str, float]:
    """Return when answers were appended and when they were seen, and how many there were: the
    figure `counted`_count.
    """
    (p50, p99), (seen_p50, seen_p99) = (np.percentile(answers[:, column], [50, 99]) for column in (0, 1))
    named = {"p50_ms": p50, "p99_ms": p99, "seen_p50_ms": seen_p50, "seen_p99_ms": seen_p99}
    counts = {f"{counted}_count": len(answers)}
    return {f"{prefix}{name}{suffix}": float(value) for name, value in {**named, **counts}.items()}


def flows(topic: str, seconds: float = 3.0) -> bool:
    """Return whether a topic gets records now: somebody else's demo runs."""
    before = end_offsets(settings().kafka, topic)
    time.sleep(seconds)
    return end_offsets(settings().kafka, topic) != before


def known(name: str) -> dict[str, Any]:
    """Return the receipt there is: its parts are measured one after the other, each under names of
    its own.
    """
    file = receipt.RECEIPTS / f"{name}.json"
    return dict(json.loads(file.read_text())) if file.is_file() else {"settings": {}, "metrics": {}}


def parts(part: str, before: dict[str, Any]) -> dict[str, object]:
    """Return the commit and the time at which each part of a receipt was measured, this one now."""
    now = {"commit": commit(), "at": datetime.now(UTC).isoformat(timespec="seconds")}
    return {**before["settings"].get("parts", {}), part: now}
