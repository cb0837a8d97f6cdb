"""Tiles, tables and notices."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from dashboards import panels
from dashboards.kept import Answer
from dashboards.queries import LATE_AFTER_S, Decided, Freshness, Latency, Minute, Order, Score

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
TORN = Answer[Any](None, None, "Trino does not answer at 127.0.0.1:1: `make status` says what runs.", NOW)


def text(part: Any) -> str:
    """Every word a part of the page shows, as one string."""
    if part is None:
        return ""
    if isinstance(part, list | tuple):
        return " ".join(text(p) for p in part)
    return text(part.children) if hasattr(part, "children") else str(part)


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


def test_tiles_hold_the_last_hour() -> None:
    minutes = [Minute(NOW - timedelta(minutes=back), "BRL", 2, Decimal("100.00"), 50) for back in range(119, -1, -1)]
    decisions = [Decided(NOW, "approve", 95), Decided(NOW, "review", 4), Decided(NOW, "decline", 1)]
    tables = [Freshness("silver.quarantine", NOW, 1.0, 12), Freshness("bronze.events", NOW, 1.0, 3_000_000)]
    shown = [text(t) for t in panels.tiles(good(minutes), good(decisions), good(Latency(100, 0, 181.0, 318.0)), good(tables))]
    assert shown == [
        "GMV, last hour R$ 6,000 ▲ 0 % vs hour before",
        "Orders, last hour 120 ▲ 0 % vs hour before",
        "Conversion, last hour 4.00 % 3,000 sessions",
        "Payments scored, last hour 100 review 4.0 % · decline 1.0 %",
        "Score latency, p99 318 ms p50 181 ms · goal 500 ms",
        "Quarantined 12 of 3.00 M records in bronze",
    ]


def test_tiles_know_nothing_without_an_answer() -> None:
    assert all("—" in text(t) for t in panels.tiles(TORN, TORN, TORN, TORN))


def test_a_slow_scorer_shows() -> None:
    slow = panels.tiles(TORN, TORN, good(Latency(1, 0, 400.0, 900.0)), TORN)[4]
    assert "late" in slow.children[2].className


def test_the_pulse_has_four_states() -> None:
    def row(age: timedelta) -> Answer[Any]:
        return good([Minute(NOW - age, "BRL", 1, Decimal(1), 1)])

    states = [panels.pulse(answer, NOW) for answer in (row(timedelta(0)), row(timedelta(hours=1)), good([]), TORN)]
    assert [state.className for state in states] == ["pulse good", "pulse late", "pulse idle", "pulse bad"]
    assert "2026-11-22 11:00 UTC, 1 h ago" in text(states[1])


def test_a_problem_is_told_once_with_since_when_the_rows_are_old() -> None:
    old = Answer([an_order()], NOW - timedelta(seconds=9), TORN.problem, NOW)
    told = panels.notice(TORN, old)
    assert text(told).count("Trino does not answer") == 1
    assert "Since 12:00:00 UTC" in text(told)
    assert "read at 11:59:51 UTC" in text(told)
    assert panels.notice(good([])) is None


def test_an_empty_list_says_what_to_look_at() -> None:
    assert "is the simulator running? make status tells" in " ".join(text(panels.orders(good([]), NOW)).split())


def test_orders_show_short_ids_and_no_person() -> None:
    shown = text(panels.orders(good([an_order()]), NOW))
    assert "…f1b-baf4 2 s ago placed 2 R$ 267.23" in shown


def test_decisions_are_words_as_well_as_colours() -> None:
    table = panels.scores(good([a_score(), a_score(decision="approve", reasons=[], degraded=True)]), NOW)
    shown = text(table)
    assert "decline" in shown
    assert "90.0 %" in shown
    assert "amount above usual, new seller R$ 78.87 190 ms" in shown
    assert "degraded" in shown
    assert "d-decline" in json.dumps(table[1].to_plotly_json(), default=lambda part: part.to_plotly_json())


def test_freshness_tells_late_fresh_and_missing_apart() -> None:
    late_after = LATE_AFTER_S["silver.orders"] or 0
    rows = [
        Freshness("silver.orders", NOW, late_after + 1.0, 5),
        Freshness("silver.reviews", NOW, 86400.0, 7),
        Freshness("gold.orders", None, None, None),
    ]
    shown = text(panels.freshness(good(rows)))
    assert "silver.orders 5 late, 31 s" in shown
    assert "silver.reviews 7 1 d ago" in shown
    assert "gold.orders — not there yet" in shown


def test_freshness_without_an_answer_says_why() -> None:
    assert "make status" in text(panels.freshness(TORN))
