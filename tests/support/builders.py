"""Builds events with defaults, and the Kafka records they arrive in; encoded by fastavro, which is
not what we test.
"""

import io
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import fastavro
import pyarrow as pa
from ids import WORDS
from pyspark.sql import DataFrame, SparkSession

from pipelines.contracts.contract import Contract

SCHEMAS = Path(__file__).parents[2] / "conf" / "schemas"
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
# No field of a contract: silver's mark where an operator has put the time of arrival for event_at.
# With it an event has a value for every column of its table but those of its place in Kafka.
GIVEN: dict[str, Any] = {"event_at_given_us": None}
HEADERS = pa.list_(pa.struct([("key", pa.string()), ("value", pa.binary())]))


def at(seconds: float) -> datetime:
    """Noon of the test day, and so many seconds."""
    return NOON + timedelta(seconds=seconds)


def an_item(**changes: Any) -> dict[str, Any]:
    defaults = {"item_number": 1, "product_id": "p1", "seller_id": "s1", "category": "toys", "quantity": 1}
    return {**defaults, "price": Decimal("10.00"), "freight": Decimal("2.00"), **changes}


def an_order(**changes: Any) -> dict[str, Any]:
    event = {"event_id": "e1", "event_at": NOON, "order_id": "o1", "version": 1, "status": "placed", "customer_id": "c1"}
    place = {"customer_city": "sao paulo", "customer_state": "SP", "session_id": None, "placed_at": NOON}
    rest = {"estimated_delivery_at": None, "currency": "BRL", "items": [an_item()], "promotion_code": None}
    return {**event, **place, **rest, **GIVEN, **changes}


def a_payment(**changes: Any) -> dict[str, Any]:
    event = {"event_id": "e1", "event_at": NOON, "payment_id": "pay1", "order_id": "o1", "card_id": "card1"}
    who = {"customer_id": "c1", "seller_id": "s1", "method": "credit_card", "installments": 1, "attempt_number": 1}
    amount = {"amount": Decimal("12.00"), "currency": "BRL", "channel": "web", "device_id": "d1", "country": "BR"}
    return {**event, **who, **amount, "latitude": None, "longitude": None, "three_d_secure": None, **GIVEN, **changes}


def a_click(**changes: Any) -> dict[str, Any]:
    event = {"event_id": "e1", "event_at": NOON, "session_id": "v1", "visitor_id": "w1", "customer_id": None, "position": 1}
    what = {"action": "view", "product_id": "p1", "quantity": 1, "price": Decimal("10.00"), "currency": "BRL"}
    return {**event, **what, "channel": "web", "device_id": "d1", "country": "BR", "exposure_id": None, **GIVEN, **changes}


def an_exposure(**changes: Any) -> dict[str, Any]:
    event = {"event_id": "e1", "event_at": NOON, "session_id": "v1", "visitor_id": "w1", "place": "home"}
    shown = {"recommendation_id": None, "products": ["p1", "p2"], "teams": [], "variant": "session", "model_version": "1"}
    return {**event, **shown, **GIVEN, **changes}


def a_movement(**changes: Any) -> dict[str, Any]:
    event = {"event_id": "e1", "event_at": NOON, "product_id": "p1", "seller_id": "s1"}
    return {**event, "kind": "restock", "quantity": 5, "order_id": None, **GIVEN, **changes}


def a_chargeback(**changes: Any) -> dict[str, Any]:
    event = {"event_id": "e1", "event_at": NOON, "payment_id": "pay1", "card_id": "card1", "fraud": True}
    return {**event, "reason": "stolen_card", "amount": Decimal("12.00"), "currency": "BRL", **GIVEN, **changes}


def a_review(**changes: Any) -> dict[str, Any]:
    event = {"event_id": "e1", "event_at": NOON, "review_id": "r1", "order_id": "o1", "score": 5}
    return {**event, "title": None, "comment": None, **GIVEN, **changes}


def a_score(**changes: Any) -> dict[str, Any]:
    event = {"event_id": "score-e1", "event_at": NOON, "payment_id": "pay1", "card_id": "card1", "amount": Decimal("12.00")}
    answer = {"currency": "BRL", "probability": 0.1, "decision": "approve", "reasons": [], "features": [1.0, 2.0]}
    made = {"feature_set": "1", "model_name": "fraud", "model_version": "1", "degraded": False, "scored_at": at(0.2)}
    shadow = {"challenger_version": None, "challenger_probability": None, "challenger_decision": None, "late": False}
    return {**event, **answer, **made, **shadow, **GIVEN, **changes}


def a_recommendation(**changes: Any) -> dict[str, Any]:
    event = {"event_id": "recommendation-e1", "event_at": NOON, "session_id": "v1", "visitor_id": "w1"}
    places = {"products": ["p2", "p3"], "scores": [0.5, 0.25], "reasons": ["next after p1", "trending"]}
    how = {"teams": ["session", "session"], "fallback": "session", "variant": "session", "left_out": [0, 1, 0, 0]}
    of_session = {"clicks": 1, "unknown_products": 0, "late": False}
    made = {"model_name": "recommendations", "model_version": "1", "model_built_at": at(-60), "degraded": False}
    return {**event, **places, **how, **of_session, **made, "recommended_at": at(0.2), **GIVEN, **changes}


BUILDERS = {
    "shop.orders": an_order,
    "shop.payments": a_payment,
    "shop.clicks": a_click,
    "shop.inventory": a_movement,
    "shop.chargebacks": a_chargeback,
    "shop.reviews": a_review,
    "tidemark.fraud_scores": a_score,
    "tidemark.recommendations": a_recommendation,
    "shop.exposures": an_exposure,
}


def schemas(topic: str) -> list[str]:
    """Every version of a topic's schema, oldest first."""
    earlier = sorted((SCHEMAS / "earlier").glob(f"{topic}.*.avsc"))
    return [path.read_text() for path in [*earlier, SCHEMAS / f"{topic}.avsc"]]


def a_contract(topic: str) -> Contract:
    """The topic's contract with schema ids 1, 2, … in order of versions."""
    versions = schemas(topic)
    return Contract(topic, versions[-1], dict(enumerate(versions, start=1)), no_ids=WORDS)


def framed(topic: str, event: dict[str, Any], version: int = 0) -> bytes:
    """The event as Confluent-framed Avro, written with schema `version` (0: the newest)."""
    versions = schemas(topic)
    version = version or len(versions)
    return written(event, versions[version - 1], version)


def written(event: dict[str, Any], schema: str, schema_id: int) -> bytes:
    """The event as Confluent-framed Avro, written with any schema."""
    body = io.BytesIO()
    fastavro.schemaless_writer(body, fastavro.parse_schema(json.loads(schema)), event)
    return b"\x00" + schema_id.to_bytes(4, "big") + body.getvalue()


def key(topic: str, value: bytes | None) -> bytes:
    """The key that a producer gives a record: a payment's card, where its bytes tell it."""
    if topic != "shop.payments" or value is None:
        return b"key"
    versions = schemas(topic)
    version = value[4] if len(value) > 4 and 0 < value[4] <= len(versions) else len(versions)
    schema = fastavro.parse_schema(json.loads(versions[version - 1]))
    try:
        event: Any = fastavro.schemaless_reader(io.BytesIO(value[5:]), schema, None, handle_unicode_errors="surrogateescape")
    except (ArithmeticError, EOFError, IndexError, MemoryError, TypeError, ValueError):
        return b"key"
    return str(event["card_id"]).encode("utf-8", "surrogateescape")


def kafka_records(
    spark: SparkSession,
    topic: str,
    values: Sequence[bytes | None],
    arrived_at: datetime = NOON,
    offset: int = 0,
    keys: Sequence[bytes | None] = (),
) -> DataFrame:
    """Records as Kafka's source gives them: one partition, offsets in order, `keys` or else what a
    producer gives.
    """
    count = len(values)
    columns = {
        "topic": pa.array([topic] * count, pa.string()),
        "partition": pa.array([0] * count, pa.int32()),
        "offset": pa.array(range(offset, offset + count), pa.int64()),
        "timestamp": pa.array([arrived_at] * count, pa.timestamp("us", tz="UTC")),
        "key": pa.array(keys or [key(topic, value) for value in values], pa.binary()),
        "value": pa.array(values, pa.binary()),
        "headers": pa.array([None] * count, HEADERS),
    }
    return spark.createDataFrame(pa.table(columns))
