"""Every record fits its schema, and every id it names belongs to something that was told before."""

import json
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from fastavro import parse_schema
from fastavro.validation import validate

from simulator.event import TOPICS, Event

SCHEMAS = Path(__file__).resolve().parents[3] / "conf" / "schemas"
MONEY = {"amount", "price", "freight"}
NEXT = {
    None: {"placed"},
    "placed": {"approved", "cancelled"},
    "approved": {"shipped", "cancelled", "unavailable"},
    "shipped": {"delivered"},
}


def with_decimals(value: Any, name: str = "") -> Any:
    """Cents as decimals, the way fastavro wants money."""
    if isinstance(value, dict):
        return {key: with_decimals(inner, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [with_decimals(inner) for inner in value]
    return Decimal(value) / 100 if name in MONEY else value


def of(topic: str, events: list[Event]) -> list[dict[str, Any]]:
    return [event.record for event in events if event.topic == topic]


@pytest.mark.parametrize("topic", TOPICS)
def test_records_fit_the_schema(topic: str, history: list[Event], busy: list[Event]) -> None:
    schema = parse_schema(json.loads((SCHEMAS / f"{topic}.avsc").read_text()))
    for record in of(topic, history)[:2_000] + of(topic, busy)[:2_000]:
        assert validate(with_decimals(record), schema, strict=True)


def test_orders_go_through_their_life_in_order(history: list[Event]) -> None:
    seen: dict[str, dict[str, Any]] = {}
    for order in of("shop.orders", history):
        before = seen.get(order["order_id"])
        assert order["version"] == (before["version"] + 1 if before else 1)
        assert order["status"] in NEXT[before["status"] if before else None]
        if before:
            assert {**order, "event_id": "", "event_at": 0, "version": 0, "status": ""} == {
                **before,
                "event_id": "",
                "event_at": 0,
                "version": 0,
                "status": "",
            }
        seen[order["order_id"]] = order


def test_payments_pay_an_order_that_was_placed(history: list[Event]) -> None:
    placed: dict[str, dict[str, Any]] = {}
    attempts: dict[str, int] = defaultdict(int)
    for event in history:
        if event.topic == "shop.orders" and event.record["status"] == "placed":
            placed[event.key] = event.record
        elif event.topic == "shop.payments":
            order = placed[event.record["order_id"]]
            attempts[order["order_id"]] += 1
            assert event.record["attempt_number"] == attempts[order["order_id"]]
            assert event.record["amount"] == sum(i["price"] * i["quantity"] + i["freight"] for i in order["items"])
            assert event.record["customer_id"] == order["customer_id"]
    assert max(attempts.values()) == 3


def test_only_paid_orders_are_approved(history: list[Event]) -> None:
    paid: set[str] = set()
    for event in history:
        if event.topic == "shop.payments":
            paid.add(event.record["order_id"])
        elif event.topic == "shop.orders" and event.record["status"] == "approved":
            assert event.key in paid


def test_reviews_follow_a_delivery_once(history: list[Event]) -> None:
    delivered, reviewed = set(), set()
    for event in history:
        if event.topic == "shop.orders" and event.record["status"] == "delivered":
            delivered.add(event.key)
        elif event.topic == "shop.reviews":
            assert event.key in delivered
            assert event.key not in reviewed
            reviewed.add(event.key)
    assert reviewed


def test_sessions_count_their_clicks_and_pause_less_than_half_an_hour(busy: list[Event]) -> None:
    last: dict[str, dict[str, Any]] = {}
    visits: dict[str, int] = {}
    for click in of("shop.clicks", busy):
        before = last.get(click["session_id"])
        assert click["position"] == (before["position"] + 1 if before else 1)
        if before:
            assert click["event_at"] - before["event_at"] < 1_800_000_000
        elif click["visitor_id"] in visits:
            assert click["event_at"] - visits[click["visitor_id"]] > 1_800_000_000
        last[click["session_id"]], visits[click["visitor_id"]] = click, click["event_at"]


def test_orders_come_from_the_session_that_bought(busy: list[Event]) -> None:
    bought: dict[str, set[str]] = defaultdict(set)
    for event in busy:
        if event.topic == "shop.clicks" and event.record["action"] == "purchase":
            bought[event.key].add(event.record["product_id"])
        elif event.topic == "shop.orders" and event.record["status"] == "placed":
            assert {item["product_id"] for item in event.record["items"]} == bought[event.record["session_id"]]


def test_most_visits_buy_nothing(busy: list[Event]) -> None:
    sessions = {click["session_id"] for click in of("shop.clicks", busy)}
    buying = {click["session_id"] for click in of("shop.clicks", busy) if click["action"] == "purchase"}
    assert 0.04 < len(buying) / len(sessions) < 0.10


def test_promotions_lower_the_price_and_name_their_code(busy: list[Event]) -> None:
    prices: dict[str, set[int]] = defaultdict(set)
    for order in of("shop.orders", busy):
        for item in order["items"]:
            prices[item["product_id"]].add(item["price"])
            if item["price"] < max(prices[item["product_id"]]):
                assert order["promotion_code"] is not None
    assert any(len(seen) > 1 for seen in prices.values())
