"""Clicks for the benchmark of recommendations, a recommender of the same products, and a look at
when lists can be read in the online store.
"""

import hashlib
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from confluent_kafka import Consumer, Message, TopicPartition

from benchmarks.support.fraud_payments import event_at_us
from pipelines.base.settings import settings
from pipelines.kafka.topics import end_offsets
from pipelines.models.packed import Packed
from pipelines.online_store.client import Client
from pipelines.recommendations.features.session import ACTIONS
from pipelines.recommendations.model import building, recommender
from pipelines.recommendations.model.sessions import Catalogue, Sessions
from pipelines.recommendations.store import LISTS, StoredList

SESSIONS, PRODUCTS, PAST, LONGEST = 2000, 2400, 50_000, 12
SESSION = "bench-session-{}"
SAMPLED = 4  # one click of so many is looked for in the store
LOOK_EVERY_S, GIVEN_UP_S = 0.005, 20.0
WORDS = [*ACTIONS][:2]


def a_click(number: int) -> dict[str, Any]:
    """Return a click made now, in one of SESSIONS sessions that go on for ever."""
    session, turn = number * 7919 % SESSIONS, number // SESSIONS
    return {
        "event_id": str(uuid.uuid4()),
        "event_at": time.time_ns() // 1000,
        "session_id": SESSION.format(session),
        "visitor_id": f"bench-visitor-{session}",
        "customer_id": None,
        "position": turn + 1,
        "action": WORDS[number % 10 == 9],
        "product_id": f"bench-product-{(session * 31 + turn * 3) % PRODUCTS}",
        "quantity": 1,
        "price": 1000,
        "currency": "BRL",
        "channel": "web",
        "device_id": f"bench-device-{session}",
        "country": "BR",
        "exposure_id": None,
    }


def a_packed_recommender(name: str, version: str) -> Packed:
    """Return a recommender learned from PAST sessions that wander among neighbouring products."""
    random = np.random.default_rng(7)
    lengths = random.integers(2, LONGEST, PAST)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    steps = random.integers(1, 6, int(offsets[-1]))
    steps[offsets[:-1]] = random.integers(0, PRODUCTS, PAST)
    walked = np.cumsum(steps)
    began = np.repeat(walked[offsets[:-1]] - steps[offsets[:-1]], lengths)
    items = ((walked - began) % PRODUCTS).astype(np.int32)
    at_us = time.time_ns() // 1000 - (np.arange(len(items), dtype=np.int64)[::-1] + 1) * 1_000_000
    products = [f"bench-product-{number}" for number in range(PRODUCTS)]
    sessions = Sessions(products, offsets, items, at_us, np.ones(len(items), np.uint8))
    sellers = [f"bench-seller-{number % 240}" for number in range(PRODUCTS)]
    catalogue = Catalogue([f"category-{number % 70}" for number in range(PRODUCTS)], sellers, np.ones(PRODUCTS, np.bool_))
    content = recommender.packed_bytes(building.build(sessions, catalogue))
    return Packed(name, version, recommender.FORMAT, hashlib.sha256(content).hexdigest(), content)


@contextmanager
def readable(topic: str, found: list[tuple[float, float]]) -> Iterator[None]:
    """Note for every SAMPLED-th click of the topic, while the block runs, (event_at, when its list
    or a newer one of its session could be read in the store) in ms, the second counted from the
    first.
    """
    kafka = settings().kafka
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap_servers, "group.id": str(uuid.uuid4())})
    consumer.assign([TopicPartition(topic, partition, offset) for partition, offset in end_offsets(kafka, topic).items()])
    over = threading.Event()
    watching = threading.Thread(target=_watch, args=(consumer, found, over))
    watching.start()
    try:
        yield
    finally:
        over.set()
        watching.join()
        consumer.close()


def _watch(consumer: Consumer, found: list[tuple[float, float]], over: threading.Event) -> None:
    waiting: dict[tuple[str, int], None] = {}
    with Client(settings().valkey) as client:
        while not over.is_set():
            for message in consumer.consume(500, LOOK_EVERY_S):
                if _is_sampled(message):
                    waiting[(message.key() or b"").decode(), event_at_us(message.value() or b"")] = None
            values = client.get_few([f"{LISTS}{session_id}" for session_id, _ in waiting]) if waiting else []
            now_us = time.time_ns() // 1000
            for (session_id, at_us), value in zip([*waiting], values, strict=True):
                held = StoredList.of_bytes(value)
                if held and held.event_us >= at_us:
                    found.append((at_us / 1000, (now_us - at_us) / 1000))
                if (held and held.event_us >= at_us) or now_us - at_us > GIVEN_UP_S * 1_000_000:
                    del waiting[session_id, at_us]


def _is_sampled(message: Message) -> bool:
    return not message.error() and (message.offset() or 0) % SAMPLED == 0
