"""Tiles and tables of the live page."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from dashboards.cache import Answer
from dashboards.pages.live import panels
from dashboards.pages.live.queries import LATE_AFTER_S, Decided, Freshness, Latency, Minute, Order, Score

Shown = Callable[[Any], str]
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
TORN = Answer[Any](None, None, "Trino does not answer at 127.0.0.1:1: `make status` says what runs.", NOW)


def an_order(**changes: Any) -> Order:
    return Order("0ffa668f-ff1b-baf4", "placed", NOW - timedelta(seconds=2), 2, Decimal("267.23"), "BRL", None)._replace(
        **changes
    )


def a_score(**changes: Any) -> Score:
    made = NOW - timedelta(seconds=5)
    reasons = ["amount_above_usual", "new_seller", "burst"]
    return Score("f93bb310-77", made, 190.4, Decimal("78.87"), "BRL", 0.9, "decline", reasons, "3", False)._replace(**changes)


def good(rows: Any) -> Answer[Any]:
    return Answer(rows, NOW)


def test_tiles_hold_the_last_hour(shown: Shown) -> None:
    minutes = [Minute(NOW - timedelta(minutes=back), "BRL", 2, Decimal("100.00"), 50) for back in range(119, -1, -1)]
    decisions = [Decided(NOW, "approve", 95), Decided(NOW, "review", 4), Decided(NOW, "decline", 1)]
    tables = [Freshness("silver.quarantine", NOW, 1.0, 12), Freshness("bronze.events", NOW, 1.0, 3_000_000)]
    tiles = [shown(t) for t in panels.tiles(good(minutes), good(decisions), good(Latency(100, 0, 181.0, 318.0)), good(tables))]
    assert tiles == [
        "GMV, last hour R$ 6,000 ▲ 0 % vs hour before",
        "Orders, last hour 120 ▲ 0 % vs hour before",
        "Conversion, last hour 4.00 % 3,000 sessions",
        "Payments scored, last hour 100 review 4.0 % · decline 1.0 %",
        "Score latency, p99 of 10 min 318 ms p50 181 ms · goal 500 ms",
        "Quarantined 12 of 3.00 M records in bronze",
    ]


def test_tiles_know_nothing_without_an_answer(shown: Shown) -> None:
    assert all("—" in shown(t) for t in panels.tiles(TORN, TORN, TORN, TORN))


def test_a_slow_scorer_shows() -> None:
    slow = panels.tiles(TORN, TORN, good(Latency(1, 0, 400.0, 900.0)), TORN)[4]
    assert slow.children[2].c == "var(--late)"


def test_an_empty_list_says_what_to_look_at(shown: Shown) -> None:
    assert "is the simulator running? make status tells" in " ".join(shown(panels.orders(good([]), NOW)).split())


def test_orders_show_short_ids_and_no_person(shown: Shown) -> None:
    words = shown(panels.orders(good([an_order()]), NOW))
    assert "…f1b-baf4 2 s ago placed 2 R$ 267.23" in words


def test_decisions_are_words_as_well_as_colours(shown: Shown) -> None:
    table = panels.scores(good([a_score(), a_score(decision="approve", reasons=[], degraded=True)]), NOW)
    words = shown(table)
    assert "decline" in words
    assert "90.0 %" in words
    assert "amount above usual, new seller R$ 78.87 190 ms" in words
    assert "degraded" in words
    assert [row["decision"]["tone"] for row in table.rows] == ["bad", "good"]


def test_freshness_tells_late_fresh_and_missing_apart(shown: Shown) -> None:
    late_after = LATE_AFTER_S["silver.orders"] or 0
    rows = [
        Freshness("silver.orders", NOW, late_after + 1.0, 5),
        Freshness("silver.reviews", NOW, 86400.0, 7),
        Freshness("gold.orders", None, None, None),
    ]
    words = shown(panels.freshness(good(rows)))
    assert "silver.orders 5 late, 31 s" in words
    assert "silver.reviews 7 1 d ago" in words
    assert "gold.orders — not there yet" in words


def test_freshness_without_an_answer_says_why(shown: Shown) -> None:
    assert "make status" in shown(panels.freshness(TORN))
