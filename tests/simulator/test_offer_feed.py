"""Lists come from Kafka while the shop runs, and nothing that happens to them stops it."""

import io
import json
from typing import Any

import pytest
from confluent_kafka import Producer
from fastavro import parse_schema, schemaless_writer
from waiting import until

from pipelines.base.settings import Settings, settings
from pipelines.contracts import framing, schemas
from pipelines.kafka import schema_registry, topics
from simulator import offer_feed
from simulator.offer_feed import TOPIC, Decode, put
from simulator.offers import NewestOffers
from simulator.shop.exposures import Offer

LIST = {
    "event_id": "recommendation-click-1",
    "event_at": 1_767_571_200_000_000,
    "session_id": "session-feed-1",
    "visitor_id": "visitor-1",
    "products": ["product-1", "product-2"],
    "scores": [0.5, 0.25],
    "reasons": ["trending", "trending"],
    "teams": ["session", "popular"],
    "fallback": "session",
    "variant": "interleaved",
    "left_out": [0, 0, 0, 0],
    "clicks": 1,
    "unknown_products": 0,
    "late": False,
    "model_name": "recommendations",
    "model_version": "3",
    "model_built_at": None,
    "degraded": False,
    "recommended_at": 1_767_571_200_500_000,
}
OFFER = Offer("recommendation-click-1", ("product-1", "product-2"), ("session", "popular"), "interleaved", "3")


def encoded(record: dict[str, Any]) -> bytes:
    out = io.BytesIO()
    schemaless_writer(out, parse_schema(json.loads(schemas.reader(TOPIC))), record)
    return out.getvalue()


def decoders() -> dict[int, Decode]:
    return {1: offer_feed._decoder(schemas.reader(TOPIC))}


def test_a_record_becomes_the_newest_list_of_its_session() -> None:
    offers = NewestOffers()
    put(offers, decoders(), framing.header(1) + encoded(LIST))
    assert offers.newer("session-feed-1", None, "exposure-1") == OFFER


@pytest.mark.parametrize("value", [None, b"", b"\x00\x00", b"\x00\x00\x00\x00\x01", b"\x00\x00\x00\x00\x02rest"])
def test_a_record_that_cannot_be_read_is_left_out(value: bytes | None) -> None:
    offers = NewestOffers()
    put(offers, decoders(), value)
    assert offers.newer("session-feed-1", None, "exposure-1") is None


def test_a_feed_without_a_broker_gives_no_lists_and_ends_when_it_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEMARK_KAFKA__BOOTSTRAP_SERVERS", "127.0.0.1:1")
    monkeypatch.setattr(offer_feed, "ANSWER_S", 0.2)
    settings.cache_clear()
    with offer_feed.running() as offers:
        assert offers.newer("session-feed-1", None, "exposure-1") is None
    settings.cache_clear()


@pytest.mark.integration
def test_what_the_recommender_sends_while_the_shop_is_open_is_shown(local_stack: Settings) -> None:
    schema_registry.register_contracts()
    topics.create_missing(local_stack.kafka, schemas.topics())
    producer = Producer({"bootstrap.servers": local_stack.kafka.bootstrap_servers})
    value = framing.header(schema_registry.newest_id(TOPIC)) + encoded(LIST)

    def is_shown() -> bool:
        producer.produce(TOPIC, value, "session-feed-1")
        producer.flush(10)
        return offers.newer("session-feed-1", None, "exposure-1") == OFFER

    with offer_feed.running() as offers:
        until(is_shown, "the list of the topic is the session's newest")
