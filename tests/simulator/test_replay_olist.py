"""The replay tells all of an archive, in order of time; of Olist's own, counts and sums are the
known control totals.
"""

from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from olist import ARCHIVE, needs_olist, tiny_archive

from pipelines.base.errors import TidemarkError
from simulator.event import Event
from simulator.replay_olist import OlistReplay


@pytest.fixture(scope="module")
def events() -> list[Event]:
    return list(OlistReplay.of(ARCHIVE).events())


@pytest.fixture
def few(tmp_path: Path) -> list[Event]:
    return list(OlistReplay.of(tiny_archive(tmp_path)).events())


@pytest.fixture(scope="module")
def newest(events: list[Event]) -> dict[str, dict[str, object]]:
    """Return each order's record of the highest version."""
    orders = sorted((event.record for event in events if event.topic == "shop.orders"), key=lambda record: record["version"])
    return {record["order_id"]: record for record in orders}


@needs_olist
def test_every_order_payment_and_review_is_told_once(events: list[Event], newest: dict[str, dict[str, object]]) -> None:
    counts = Counter(event.topic for event in events)
    assert len(newest) == 99_441
    assert (counts["shop.payments"], counts["shop.reviews"]) == (103_886, 99_224)
    assert len({(event.topic, event.record["event_id"]) for event in events}) == len(events)


@needs_olist
def test_orders_end_in_the_status_that_olist_gives_them(newest: dict[str, dict[str, object]]) -> None:
    assert Counter(record["status"] for record in newest.values()) == {
        "delivered": 96_478,
        "shipped": 1_107,
        "cancelled": 625,
        "unavailable": 609,
        "invoiced": 314,
        "processing": 301,
        "placed": 5,
        "approved": 2,
    }


@needs_olist
def test_amounts_add_up_to_the_control_totals(events: list[Event], newest: dict[str, dict[str, object]]) -> None:
    items = [item for record in newest.values() for item in record["items"]]  # type: ignore[attr-defined]
    assert len(items) == 112_650
    assert sum(item["price"] for item in items) == 1_359_164_370
    assert sum(item["freight"] for item in items) == 225_190_954
    assert sum(event.record["amount"] for event in events if event.topic == "shop.payments") == 1_600_887_212
    assert sum(1 for record in newest.values() if record["items"]) == 98_666


@needs_olist
def test_review_scores_have_the_known_mean(events: list[Event]) -> None:
    scores = [event.record["score"] for event in events if event.topic == "shop.reviews"]
    assert round(sum(scores) / len(scores), 5) == 4.08642


@needs_olist
def test_time_never_runs_backwards_and_is_the_events_own(events: list[Event]) -> None:
    assert all(before.at <= after.at for before, after in pairwise(events))
    assert all(event.at == event.record["event_at"] for event in events)


@needs_olist
def test_customers_are_people_not_order_addresses(newest: dict[str, dict[str, object]]) -> None:
    assert len({record["customer_id"] for record in newest.values()}) == 96_096


@needs_olist
def test_versions_of_an_order_have_no_gap(events: list[Event]) -> None:
    versions = Counter(event.key for event in events if event.topic == "shop.orders")
    highest: Counter[str] = Counter()
    for event in events:
        if event.topic == "shop.orders":
            highest[event.key] = max(highest[event.key], event.record["version"])
    assert versions == highest


@needs_olist
def test_texts_keep_their_commas_quotes_and_line_breaks(events: list[Event]) -> None:
    comments = [event.record["comment"] for event in events if event.topic == "shop.reviews" and event.record["comment"]]
    assert len(comments) == 40_977
    for sign in ',"\n':
        assert any(sign in comment for comment in comments)


def test_the_life_of_each_order_is_told_in_the_order_of_time(few: list[Event]) -> None:
    assert [(event.record["order_id"], event.record["status"]) for event in few if event.topic == "shop.orders"] == [
        ("o1", "placed"),
        ("o1", "approved"),
        ("o1", "shipped"),
        ("o2", "placed"),
        ("o2", "cancelled"),
        ("o3", "placed"),
        ("o3", "approved"),
        ("o1", "delivered"),
        ("o3", "shipped"),
    ]
    assert all(before.at <= after.at for before, after in pairwise(few))
    assert all(event.at == event.record["event_at"] for event in few)


def test_payments_and_reviews_belong_to_people_and_keep_amounts_and_texts(few: list[Event]) -> None:
    payments = [event.record for event in few if event.topic == "shop.payments"]
    assert [(p["payment_id"], p["customer_id"], p["amount"], p["installments"]) for p in payments] == [
        ("o1-1", "u1", 10_000, 3),
        ("o1-2", "u1", 1_965, 1),
        ("o2-1", "u2", 5_000, 1),
        ("o3-1", "u1", 1_350, 1),
    ]
    reviews = [event.record for event in few if event.topic == "shop.reviews"]
    assert [(review["score"], review["comment"]) for review in reviews] == [
        (3, None),
        (5, 'Came early, "as promised".\nAgain!'),
    ]


def test_a_missing_archive_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(TidemarkError, match=r"Cannot read the Olist archive .*nowhere\.zip"):
        OlistReplay.of(tmp_path / "nowhere.zip")
