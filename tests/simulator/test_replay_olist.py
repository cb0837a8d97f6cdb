"""The replay tells all of Olist: counts and sums are DATA's control totals, and nothing is told before its time."""

import os
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from pipelines.errors import TidemarkError
from pipelines.settings import ROOT
from simulator.event import Event
from simulator.replay_olist import OlistReplay

ARCHIVE = Path(os.environ.get("TIDEMARK_DATA", ROOT.parent / "shared" / "data")) / "olist.zip"


@pytest.fixture(scope="module")
def events() -> list[Event]:
    return list(OlistReplay.of(ARCHIVE).events())


@pytest.fixture(scope="module")
def newest(events: list[Event]) -> dict[str, dict[str, object]]:
    """Return each order's record of the highest version."""
    orders = sorted((event.record for event in events if event.topic == "shop.orders"), key=lambda record: record["version"])
    return {record["order_id"]: record for record in orders}


def test_every_order_payment_and_review_is_told_once(events: list[Event], newest: dict[str, dict[str, object]]) -> None:
    counts = Counter(event.topic for event in events)
    assert len(newest) == 99_441
    assert (counts["shop.payments"], counts["shop.reviews"]) == (103_886, 99_224)
    assert len({(event.topic, event.record["event_id"]) for event in events}) == len(events)


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


def test_amounts_add_up_to_the_control_totals(events: list[Event], newest: dict[str, dict[str, object]]) -> None:
    items = [item for record in newest.values() for item in record["items"]]  # type: ignore[attr-defined]
    assert len(items) == 112_650
    assert sum(item["price"] for item in items) == 1_359_164_370
    assert sum(item["freight"] for item in items) == 225_190_954
    assert sum(event.record["amount"] for event in events if event.topic == "shop.payments") == 1_600_887_212
    assert sum(1 for record in newest.values() if record["items"]) == 98_666


def test_review_scores_have_the_known_mean(events: list[Event]) -> None:
    scores = [event.record["score"] for event in events if event.topic == "shop.reviews"]
    assert round(sum(scores) / len(scores), 5) == 4.08642


def test_time_never_runs_backwards_and_is_the_events_own(events: list[Event]) -> None:
    assert all(before.at <= after.at for before, after in pairwise(events))
    assert all(event.at == event.record["event_at"] for event in events)


def test_customers_are_people_not_order_addresses(newest: dict[str, dict[str, object]]) -> None:
    assert len({record["customer_id"] for record in newest.values()}) == 96_096


def test_versions_of_an_order_have_no_gap(events: list[Event]) -> None:
    versions = Counter(event.key for event in events if event.topic == "shop.orders")
    highest: Counter[str] = Counter()
    for event in events:
        if event.topic == "shop.orders":
            highest[event.key] = max(highest[event.key], event.record["version"])
    assert versions == highest


def test_texts_keep_their_commas_quotes_and_line_breaks(events: list[Event]) -> None:
    comments = [event.record["comment"] for event in events if event.topic == "shop.reviews" and event.record["comment"]]
    assert len(comments) == 40_977
    for sign in ',"\n':
        assert any(sign in comment for comment in comments)


def test_a_missing_archive_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(TidemarkError, match=r"Cannot read the Olist archive .*nowhere\.zip"):
        OlistReplay.of(tmp_path / "nowhere.zip")
