"""Awkward records of every kind that public complaints know: what is sent, where it must end."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import httpx
from builders import BUILDERS, an_item, key, written
from confluent_kafka import Producer
from extreme_records import records

from pipelines.base.settings import Settings
from pipelines.contracts import schemas
from pipelines.kafka import schema_registry

SILVER, QUARANTINE, NOWHERE, COPY, ERASED, REFUND = "silver", "quarantine", "nowhere", "copy", "erased", "refund"


@dataclass
class Ledger:
    """What was sent and where each record must end: topic → fate → the ids of its events, or the
    number of records that have none.
    """

    run: str  # in every id
    events: dict[str, dict[str, set[str]]] = field(default_factory=dict)
    kinds: dict[str, int] = field(default_factory=dict)
    records: int = 0

    def note(self, kind: str, topic: str, fate: str, event_id: str) -> None:
        self.events.setdefault(topic, {}).setdefault(fate, set()).add(event_id)
        self.kinds[kind] = self.kinds.get(kind, 0) + 1
        self.records += 1

    def of(self, topic: str, fate: str) -> set[str]:
        return self.events.get(topic, {}).get(fate, set())


class Shop:
    """Sends records of every kind to a stack's topics and writes them down."""

    def __init__(self, chosen: Settings, seed: int) -> None:
        self.chosen, self.run = chosen, f"{seed}-{time.time_ns()}"
        self.ledger = Ledger(self.run)
        self.number = 0
        self.producer = self._producer()

    def good(self, topic: str, kind: str = "ordinary", fate: str = SILVER, /, **changes: Any) -> str:
        """Send an event, of today unless `changes` say otherwise, and return its id."""
        event = self._event(topic, **changes)
        self._send(topic, encoded(topic, event), self._key(topic, event))
        self.ledger.note(kind, topic, fate, event["event_id"])
        return str(event["event_id"])

    def refused(self, topic: str, kind: str, /, **changes: Any) -> None:
        """Send an event that silver must refuse."""
        self.good(topic, kind, QUARANTINE, **changes)

    def spoilt(self, topic: str, kind: str, spoil: Callable[[bytes], bytes]) -> None:
        """Send an event whose bytes are changed so that silver must refuse it."""
        event = self._event(topic)
        self._send(topic, spoil(encoded(topic, event)))
        self.ledger.note(kind, topic, QUARANTINE, event["event_id"])

    def twice(self, topic: str) -> None:
        """Send one event two times."""
        event = self._event(topic)
        for fate in (SILVER, COPY):
            self._send(topic, encoded(topic, event), self._key(topic, event))
            self.ledger.note("sent twice", topic, fate, event["event_id"])

    def with_another_key(self, key: str | None) -> None:
        """Send a payment with a key that is not its card."""
        event = self._event("shop.payments")
        self.producer.produce("shop.payments", encoded("shop.payments", event), key)
        self.ledger.note("a key that is not the card", "shop.payments", QUARANTINE, event["event_id"])

    def in_transactions(self, topic: str) -> None:
        """Send three events in three transactions, of which the second is taken back."""
        producer = self._producer(**{"transactional.id": f"awkward-{self.run}"})
        producer.init_transactions(30)
        for is_meant in (True, False, True):
            event = self._event(topic)
            producer.begin_transaction()
            producer.produce(topic, encoded(topic, event), event[KEYS[topic]])
            producer.flush(30)
            producer.commit_transaction(30) if is_meant else producer.abort_transaction(30)
            self.ledger.note("transactions", topic, SILVER if is_meant else NOWHERE, event["event_id"])

    def extreme(self, topic: str, count: int = 100) -> None:
        """Send records as extreme as the contract allows; where each must end nobody has written
        down.
        """
        header = b"\0" + schema_registry.newest_id(topic).to_bytes(4, "big")
        for value in records(Random(self.run), topic, count):  # noqa: S311 - no secret
            self._send(topic, header + value[5:], key(topic, value))
            self.ledger.records += 1
        self.ledger.kinds["as extreme as the contract allows"] = count

    def of_other_schemas(self, once_known: Callable[[set[str]], None]) -> str:
        """Register schemas as others do, send a record of each once the streams know them, and
        return the id of a payment of 12.34 that was written with four decimals.
        """
        gift = {"type": "record", "name": "Gift", "namespace": "shop", "fields": [{"name": "note", "type": "string"}]}
        self._register("shop.Gift", json.dumps(gift))
        wrapped = changed_schema("shop.orders", lambda schema: schema["fields"].append(GIFT))
        reference = {"name": "shop.Gift", "subject": "shop.Gift", "version": 1}
        scaled = changed_schema("shop.payments", lambda schema: _field(schema, "amount")["type"].update(precision=14, scale=4))
        longer = changed_schema("shop.reviews", lambda schema: schema["fields"].append(MOOD))
        before = {topic: self._versions(topic) for topic in KEYS}
        ids = {
            "shop.orders": self._register("shop.orders-value", wrapped, [reference]),
            "shop.payments": self._register("shop.payments-value", scaled),
            "shop.reviews": self._register("shop.reviews-value", longer),
        }
        once_known({topic for topic in ids if self._versions(topic) != before[topic]})
        # Of these bytes no gift is written.
        without = wrapped.replace('["null", "shop.Gift"]', '["null"]')
        self._written("shop.orders", "a schema with references", without, ids["shop.orders"], gift=None)
        self._written("shop.reviews", "a field nobody asked for", longer, ids["shop.reviews"], mood="good")
        return self._written(
            "shop.payments", "decimals of another scale", scaled, ids["shop.payments"], amount=Decimal("12.3400")
        )

    def _written(self, topic: str, kind: str, schema: str, schema_id: int, **changes: Any) -> str:
        event = self._event(topic, **changes)
        self._send(topic, written(event, schema, schema_id), self._key(topic, event))
        self.ledger.note(kind, topic, SILVER, event["event_id"])
        return str(event["event_id"])

    def _versions(self, topic: str) -> list[int]:
        answer = httpx.get(f"{self.chosen.schema_registry.url}/subjects/{topic}-value/versions", timeout=60)
        return list(answer.raise_for_status().json())

    def _register(self, subject: str, schema: str, references: Sequence[object] = ()) -> int:
        registry = self.chosen.schema_registry.url
        posted = {"schema": schema, **({"references": list(references)} if references else {})}
        answer = httpx.post(f"{registry}/subjects/{subject}/versions", json=posted, timeout=60)
        return int(answer.raise_for_status().json()["id"])

    def everything(self) -> None:
        """Send records of every kind."""
        for send in kinds(self):
            send()
        assert self.producer.flush(60) == 0

    def _event(self, topic: str, **changes: Any) -> dict[str, Any]:
        self.number += 1
        name, now = f"{self.run}-{self.number}", datetime.now(UTC)
        own = {"event_id": f"odd-{name}", "event_at": now, **({"placed_at": now} if topic == "shop.orders" else {})}
        keys = {
            key: f"{key}-{name}"
            for key in ("order_id", "payment_id", "card_id", "device_id", "review_id")
            if key in BUILDERS[topic]()
        }
        return {**BUILDERS[topic](), **own, **keys, **changes}

    def _key(self, topic: str, event: dict[str, Any]) -> str:
        """Return the key by which an event is sent: a payment's card, of others one of a few."""
        return str(event["card_id"]) if topic == "shop.payments" else f"key-{self.number % 7}"

    def _send(self, topic: str, value: bytes | None, key: str | bytes = "no event") -> None:
        self.producer.produce(topic, value, key)
        self.producer.poll(0)

    def _producer(self, **more: Any) -> Producer:
        servers = {"bootstrap.servers": self.chosen.kafka.bootstrap_servers, "log_level": 0}
        return Producer({**servers, "enable.idempotence": True, "message.max.bytes": 15_000_000, **more})


KEYS = {
    "shop.orders": "order_id",
    "shop.payments": "card_id",
    "shop.clicks": "session_id",
    "shop.inventory": "product_id",
    "shop.chargebacks": "payment_id",
    "shop.reviews": "order_id",
}


def encoded(topic: str, event: dict[str, Any]) -> bytes:
    """Return an event as its newest contract writes it."""
    return written(event, schemas.reader(topic), schema_registry.newest_id(topic))


def kinds(shop: Shop) -> Iterator[Callable[[], object]]:
    """Yield what sends a record, or some, of each kind."""
    now = datetime.now(UTC)
    for topic in KEYS:
        yield lambda topic=topic: shop.good(topic)
        yield lambda topic=topic: shop.twice(topic)
        yield lambda topic=topic: shop.spoilt(topic, "cut short", lambda value: value[:9])
        yield lambda topic=topic: shop.spoilt(topic, "no frame", lambda value: value[5:])
        yield lambda topic=topic: shop.spoilt(
            topic, "an id that nobody registered", lambda value: b"\0\0\1\xff\xff" + value[5:]
        )
        yield lambda topic=topic: shop.refused(topic, "no id", event_id=" ")
        yield lambda topic=topic: shop.refused(topic, "a clock ahead", event_at=now + timedelta(hours=2))
        yield lambda topic=topic: shop.refused(topic, "a clock that begins in 1970", event_at=datetime(1970, 1, 2, tzinfo=UTC))
        yield lambda topic=topic: shop.spoilt(topic, "no UTF-8", lambda value: value.replace(b"odd-", b"\xe3\xe3\xe3\xe3"))
        yield lambda topic=topic: shop.in_transactions(topic)
    million = [an_item(quantity=2_000_000_000), an_item(item_number=2, quantity=2_000_000_000)]
    yield lambda: shop.refused("shop.orders", "huge numbers", items=million)
    yield lambda: shop.refused(
        "shop.orders", "huge numbers", items=[an_item(quantity=1_000_000, price=Decimal("9999999999.99"))]
    )
    yield lambda: shop.refused("shop.inventory", "huge numbers", quantity=2**31 - 1)
    yield lambda: shop.refused("shop.orders", "a date that means never", placed_at=datetime(9999, 12, 31, tzinfo=UTC))
    yield lambda: shop.refused("shop.reviews", "a megabyte of text", comment="x" * 1_000_000)
    yield lambda: shop.refused("shop.payments", "a megabyte of text", device_id="x" * 900_000)
    yield lambda: shop.refused(
        "shop.orders", "a thousand lines and more", items=[an_item(item_number=n) for n in range(1, 1500)]
    )
    yield lambda: shop.good("shop.orders", "a word nobody listed", status="awaiting_pickup")
    yield lambda: shop.good("shop.orders", "a return", status="returned", version=3)
    yield lambda: shop.good("shop.orders", "a discount line", items=[an_item(), an_item(item_number=2, price=Decimal("-1.00"))])
    yield lambda: shop.good("shop.inventory", "a transfer", kind="transfer", quantity=-1)
    yield lambda: shop.good("shop.payments", "a method nobody listed", method="pix")
    yield lambda: shop.good("shop.payments", "a refund", REFUND, amount=Decimal("-10.00"))
    yield lambda: shop.good("shop.payments", "placeholders", device_id="undefined", seller_id="null")
    yield lambda: shop.refused("shop.orders", "placeholders of what gold keys by", order_id="undefined")
    yield lambda: shop.refused("shop.inventory", "placeholders of what gold keys by", product_id="N/A")
    yield lambda: shop.refused("shop.orders", "a date that is ahead", placed_at=now + timedelta(days=400))
    yield lambda: shop.with_another_key("order-1")
    yield lambda: shop.with_another_key(None)


MOOD = {"name": "mood", "type": ["null", "string"], "default": None}
GIFT = {"name": "gift", "type": ["null", "shop.Gift"], "default": None}


def _field(schema: dict[str, Any], name: str) -> dict[str, Any]:
    return next(field for field in schema["fields"] if field["name"] == name)


def changed_schema(topic: str, change: Callable[[dict[str, Any]], object]) -> str:
    """Return the newest contract of a topic with something changed."""
    schema = json.loads(schemas.reader(topic))
    change(schema)
    return json.dumps(schema)
