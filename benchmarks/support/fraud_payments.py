"""Payments for the fraud benchmarks, and a consumer that notes how long after its payment each
answer came.
"""

import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from confluent_kafka import Consumer, TopicPartition

from pipelines.contracts.framing import HEADER_BYTES, read_long

CARDS, SELLERS = 50_000, 3000  # as many sellers as Olist has
CARD, SELLER, DEVICE = "bench-card-{}", "bench-seller-{}", "bench-device-{}"
TIMEOUT_S = 0.2


def a_payment(number: int) -> dict[str, Any]:
    """Return a payment made now, by one of CARDS cards to one of SELLERS sellers; no card comes
    twice within CARDS payments.
    """
    card = number * 7919 % CARDS
    return {
        "event_id": str(uuid.uuid4()),
        "event_at": time.time_ns() // 1000,
        "payment_id": f"bench-{number}",
        "order_id": None,
        "card_id": CARD.format(card),
        "customer_id": f"bench-customer-{card}",
        "seller_id": SELLER.format(number % SELLERS),
        "method": "credit_card",
        "installments": 1,
        "attempt_number": 1,
        "amount": 1000 + number % 20_000,
        "currency": "BRL",
        "channel": "web",
        "device_id": DEVICE.format(card),
        "country": "BR",
        "latitude": None,
        "longitude": None,
        "three_d_secure": None,
    }


@contextmanager
def moments(consumer: Consumer, topic: str, start: dict[int, int], found: list[tuple[float, float, float]]) -> Iterator[None]:
    """Note for every record of the topic from `start` on, while the block runs, (event_at,
    appended, seen) in ms.

    appended and seen are counted from event_at.
    """
    consumer.assign([TopicPartition(topic, partition, offset) for partition, offset in start.items()])
    over = threading.Event()

    def watch() -> None:
        while not over.is_set():
            for message in consumer.consume(500, TIMEOUT_S):
                if not message.error():
                    at_ms = event_at_us(message.value() or b"") / 1000
                    found.append((at_ms, message.timestamp()[1] - at_ms, time.time() * 1000 - at_ms))

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield
    finally:
        over.set()
        watching.join()
        consumer.close()


def event_at_us(record: bytes) -> int:
    """Return the second field of a framed record, which in every contract is event_at, after the
    string event_id.
    """
    length, begins = read_long(record, HEADER_BYTES)
    return read_long(record, begins + length)[0]
