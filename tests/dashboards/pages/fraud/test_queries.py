"""The fraud page's questions on a real Trino. The stack is shared with other tests, so rows lie in
a year of their own.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from dashboards.pages.fraud import queries
from dashboards.pages.fraud.board import Board, first_day
from dashboards.settings import Settings
from dashboards.trino import Ask, Unanswered

Counting = Callable[[Ask], Any]
Fire = Callable[..., httpx.Response]
Insert = Callable[..., None]
Shown = Callable[[Any], str]
Tables = Callable[..., AbstractContextManager[None]]
pytestmark = pytest.mark.integration

BEGIN = datetime(2127, 3, 1, tzinfo=UTC)
NOW = datetime(2127, 3, 20, 15, 30, tzinfo=UTC)
DAY = timedelta(days=1)
DELAY = timedelta(days=7)


def _score(name: str, ago: timedelta, probability: float, decision: str, **changes: Any) -> dict[str, Any]:
    made = {"payment_id": name, "event_at": NOW - ago, "scored_at": NOW - ago, "amount": Decimal(10)}
    return {**made, "probability": probability, "decision": decision, **changes}


def _finding(payment: str, ago: timedelta, *, fraud: bool, arrived: timedelta | None = None) -> dict[str, Any]:
    return {
        "payment_id": payment,
        "event_at": NOW - ago,
        "fraud": fraud,
        "kafka_at": NOW - (ago if arrived is None else arrived),
    }


SCORES = [
    _score("newest", timedelta(0), 0.001, "approve", model_version="8", degraded=True),
    _score("held", timedelta(hours=1), 0.4, "review", model_version="8"),
    _score("held-more", timedelta(hours=23), 0.5, "review"),
    _score("stopped", timedelta(hours=2), 0.9, "decline"),
    _score("of-yesterday", timedelta(hours=25), 0.95, "decline"),
    _score("fraud-then-cleared", 10 * DAY, 0.7, "review"),
    _score("cleared-then-fraud", 10 * DAY, 0.2, "review"),
    _score("told-twice", 10 * DAY, 0.3, "review", amount=Decimal("12.50")),
    _score("missed", 10 * DAY, 0.0, "approve", latency_ms=2 * 86_400_000.0),
    _score("never-found", 10 * DAY, 0.05, "approve"),
    _score("at-once-fraud-last", 10 * DAY, 1.0, "decline", currency="EUR"),
    _score("at-once-cleared-last", 10 * DAY, 1.0, "decline", currency="EUR"),
]
FINDINGS = [
    _finding("fraud-then-cleared", 7 * DAY, fraud=True),
    _finding("fraud-then-cleared", 3 * DAY, fraud=False),
    # It arrives in the wrong order: what happened later counts.
    _finding("cleared-then-fraud", 2 * DAY, fraud=True, arrived=2 * DAY),
    _finding("cleared-then-fraud", 5 * DAY, fraud=False, arrived=1 * DAY),
    *[_finding("told-twice", 6 * DAY, fraud=True)] * 2,
    _finding("missed", 5 * DAY, fraud=True),
    *[
        _finding(f"at-once-{last}-last", 4 * DAY, fraud=fraud, arrived=(3 if fraud == (last == "fraud") else 4) * DAY)
        for last in ("fraud", "cleared")
        for fraud in (True, False)
    ],
]


@pytest.fixture(scope="module")
def chosen(lake_settings: Settings, tables: Tables, insert: Insert) -> Iterator[Settings]:
    """Settings of pages over a lake with scores and findings of the spring of 2127."""
    with tables(BEGIN):
        insert("gold.fraud_scores", *SCORES)
        insert("silver.chargebacks", *FINDINGS)
        yield lake_settings


@pytest.fixture(scope="module")
def ask(chosen: Settings, ask_lake: Ask) -> Ask:
    """What asks that lake."""
    return ask_lake


def test_the_newest_payment_is_known_without_a_scan(ask: Ask) -> None:
    assert queries.newest(ask) == NOW


def test_the_queue_holds_the_last_day_with_the_likeliest_first(ask: Ask) -> None:
    held = queries.queue(ask, NOW - DAY)
    assert [(row.payment_id, row.decision, row.probability) for row in held] == [
        ("stopped", "decline", 0.9),
        ("held-more", "review", 0.5),
        ("held", "review", 0.4),
    ]
    assert (held[0].amount, held[0].reasons, held[0].card_id) == (Decimal("10.00"), ["burst"], "card")


def test_the_queue_is_cut_for_each_decision_apart(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "QUEUE", queries.QUEUE.replace(f"<= {queries.QUEUED}", "<= 1"))
    assert [row.payment_id for row in queries.queue(ask, NOW - DAY)] == ["stopped", "held-more"]


def test_of_several_findings_the_latest_counts_and_once(ask: Ask) -> None:
    old = [row for row in queries.outcomes(ask, first_day(NOW)) if row.day < NOW - 9 * DAY]
    day = (NOW - 10 * DAY).replace(hour=0, minute=0)
    assert {row[1:] for row in old} == {
        ("BRL", True, False, 1, Decimal("10.00"), 0),  # fraud-then-cleared
        ("BRL", True, True, 2, Decimal("22.50"), 0),  # cleared-then-fraud, told-twice
        ("BRL", False, True, 1, Decimal("10.00"), 1),  # missed, scored two days later
        ("BRL", False, None, 1, Decimal("10.00"), 0),  # never-found
        ("EUR", True, True, 1, Decimal("10.00"), 0),  # at-once-fraud-last
        ("EUR", True, False, 1, Decimal("10.00"), 0),  # at-once-cleared-last
    }
    assert {row.day for row in old} == {day}


def test_outcomes_begin_at_a_midnight(ask: Ask) -> None:
    assert first_day(NOW) == datetime(2127, 2, 21, tzinfo=UTC)
    assert sum(row.payments for row in queries.outcomes(ask, NOW - 10 * DAY)) == len(SCORES)
    assert sum(row.payments for row in queries.outcomes(ask, NOW - 9 * DAY)) == 5


def test_payments_are_counted_per_class_and_an_edge_belongs_to_the_class_above(ask: Ask) -> None:
    rows = queries.scored(ask, (0.001, 0.05, 0.4, 1.0), NOW - DAY, NOW - 11 * DAY)
    assert rows == [
        queries.Scored(False, 0, 1),  # 0.0
        queries.Scored(False, 2, 3),  # 0.05, 0.2, 0.3
        queries.Scored(False, 3, 2),  # 0.7, 0.95
        queries.Scored(False, 4, 2),  # 1.0 twice
        queries.Scored(True, 1, 1),  # 0.001
        queries.Scored(True, 3, 3),  # 0.4, 0.5, 0.9
    ]


def test_the_version_in_use_comes_first(ask: Ask) -> None:
    assert queries.versions(ask, NOW - DAY) == [
        queries.Version("fraud", "8", 2, 1, 0, 1),
        queries.Version("fraud", "7", 2, 1, 1, 0),
    ]


def test_ten_pages_cost_one_query_for_each_question(ask: Ask, counting: Counting) -> None:
    counted = counting(ask)
    board = Board(counted, DELAY)
    for _ in range(10):
        answers = board.newest(), board.queue(), board.versions(), board.scored(), board.outcomes()
    assert counted.statements == len(answers)
    assert {answer.problem for answer in answers} == {None}


def test_without_a_scored_payment_nothing_else_is_asked(counting: Counting) -> None:
    counted = counting(lambda statement, *parameters: [])
    board = Board(counted, DELAY)
    assert [board.queue().rows, board.outcomes().rows] == [None, None]
    assert counted.statements == 1


def test_the_reason_why_the_newest_payment_is_unknown_is_told_everywhere() -> None:
    def torn(statement: str, *parameters: object) -> list[list[Any]]:
        raise Unanswered("Trino does not answer.")

    assert Board(torn, DELAY).queue().problem == "Trino does not answer."


def test_the_running_page_shows_the_lake(
    chosen: Settings, ask: Ask, served: Callable[..., Any], fire: Fire, shown: Shown
) -> None:
    with served(chosen, "/fraud/", ask=ask) as browser:
        tiles = fire(browser, "tiles", tick__n_intervals=1).json()["response"]["tiles"]["children"]
        held = fire(browser, "queue-rows", shown__value="review").json()["response"]["queue-rows"]
        judged = fire(browser, "quality", scheme__data="light").json()["response"]
        drift = fire(browser, "drift", scheme__data="dark").json()["response"]
        versions = fire(browser, "versions-rows", tick__n_intervals=1).json()["response"]["versions-rows"]
        shadow = fire(browser, "shadow", tick__n_intervals=1).json()["response"]["shadow"]["children"]
    assert "Precision, mature days 60.0 % of 5 stopped" in shown(tiles)
    assert "Caught, mature days R$ 22 of R$ 32 fraud" in shown(tiles)
    assert "held-more" in shown(held)
    assert "decline" not in shown(held)
    assert "the bank called 4 fraud and cleared 2" in judged["labels"]["children"]
    assert [trace["name"] for trace in judged["money"]["figure"]["data"]] == ["caught", "missed"]
    assert "too few payments to tell" in drift["drift-note"]["children"]
    assert "fraud 8 2 50.00 % 0.00 % 50.00 %" in shown(versions)
    assert "No challenger scores in the shadow" in shown(shadow)
