"""The page's questions on a real Trino, over tables with the columns the streams write.

The stack is shared with other tests, so rows lie in a year of their own and tables that others made
stay.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from dashboards.pages.live import queries
from dashboards.pages.live.board import Board
from dashboards.settings import Settings
from dashboards.trino import Ask, Unanswered, client

Run = Callable[..., list[list[Any]]]
Counting = Callable[[Ask], Any]
Insert = Callable[..., None]
Tables = Callable[..., AbstractContextManager[None]]
pytestmark = pytest.mark.integration

T0 = datetime(2126, 1, 1, 12, tzinfo=UTC)


def _at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def _order(i: int) -> dict[str, Any]:
    return {"order_id": f"order-of-the-year-2126-{i}", "placed_at": _at(60 * i), "items_count": i + 1}


def _score(i: int, decision: str) -> dict[str, Any]:
    made = {"payment_id": f"payment-{i}", "event_at": _at(20 * i), "decision": decision}
    return {**made, "latency_ms": 100.0 * (i + 1), "degraded": i == 0}


def _fill(insert: Insert) -> None:
    insert("gold.orders", *(_order(i) for i in range(3)))
    insert("gold.business_metrics", *({"minute": _at(60 * i)} for i in range(3)))
    insert("gold.fraud_scores", *(_score(i, d) for i, d in enumerate(["approve", "approve", "review", "decline"])))


@pytest.fixture(scope="module")
def chosen(lake_settings: Settings, tables: Tables, insert: Insert) -> Iterator[Settings]:
    """Settings of a page over a lake with three orders, three minutes and four scores of the year
    2126.
    """
    with tables(T0):
        _fill(insert)
        yield lake_settings


@pytest.fixture(scope="module")
def ask(chosen: Settings, ask_lake: Ask) -> Ask:
    """What asks that lake."""
    return ask_lake


def test_minutes_come_oldest_first_and_typed(ask: Ask) -> None:
    assert queries.newest_minute(ask) == _at(120)
    assert queries.minutes(ask, _at(60)) == [queries.Minute(_at(s), "BRL", 4, Decimal("100.25"), 80) for s in (60, 120)]


def test_the_newest_orders_come_first_and_none_before_the_bound(ask: Ask) -> None:
    orders = queries.newest_orders(ask, _at(60))
    assert [(o.placed_at, o.items_count, o.amount) for o in orders] == [
        (_at(120), 3, Decimal("10.50")),
        (_at(60), 2, Decimal("10.50")),
    ]


def test_scores_carry_their_decision_and_reasons(ask: Ask) -> None:
    newest = queries.newest_scores(ask, T0)[0]
    assert (newest.payment_id, newest.decision, newest.reasons, newest.model_version) == (
        "payment-3",
        "decline",
        ["burst"],
        "7",
    )


def test_decisions_are_counted_per_minute(ask: Ask) -> None:
    assert queries.decisions(ask, T0) == [
        queries.Decided(T0, "approve", 2),
        queries.Decided(T0, "review", 1),
        queries.Decided(_at(60), "decline", 1),
    ]


def test_latency_is_summed_up(ask: Ask) -> None:
    summary = queries.latency(ask, T0, T0)
    assert (summary.payments, summary.degraded, summary.p99_ms) == (4, 1, 400.0)


def test_latency_is_that_of_the_newest_payments(ask: Ask) -> None:
    summary = queries.latency(ask, T0, _at(60))
    assert (summary.payments, summary.p50_ms) == (4, 400.0)
    assert queries.latency(ask, T0, _at(3600)).p99_ms is None


def test_freshness_reads_commits_and_rows_without_a_scan(ask: Ask) -> None:
    tables = {row.table: row for row in queries.freshness(ask)}
    assert list(tables) == list(queries.LATE_AFTER_S)
    fresh = tables["gold.fraud_scores"]
    (counted,) = ask("SELECT count(*) FROM gold.fraud_scores")[0]
    assert fresh.rows == counted
    assert fresh.age_s is not None
    assert 0 <= fresh.age_s < 600


def test_a_table_that_was_added_is_shown_behind_the_others(ask: Ask, run: Run) -> None:
    run("CREATE TABLE gold.wish_counts (wishes bigint)")
    run("INSERT INTO gold.wish_counts VALUES 1, 2")
    *_, last = queries.freshness(ask)
    assert (last.table, last.rows) == ("gold.wish_counts", 2)
    run("DROP TABLE gold.wish_counts")


def test_freshness_subtracts_deleted_rows(ask: Ask, run: Run, insert: Insert) -> None:
    insert("gold.orders", *({"order_id": order, "placed_at": _at(1000)} for order in ("gone", "gone too")))
    run("DELETE FROM gold.orders WHERE order_id LIKE 'gone%'")
    (counted,) = ask("SELECT count(*) FROM gold.orders")[0]
    assert {row.table: row.rows for row in queries.freshness(ask)}["gold.orders"] == counted


def test_a_table_that_does_not_exist_has_no_rows(ask: Ask) -> None:
    assert ask("SELECT 1 FROM gold.no_such_table") == []
    assert ask("SELECT 1 FROM no_such_schema.orders") == []


def test_parameters_are_values_and_never_sql(ask: Ask) -> None:
    attack = "x'; DROP TABLE gold.orders; --"
    assert ask("SELECT order_id FROM gold.orders WHERE order_id = ?", attack) == []
    assert ask("SELECT ?", attack) == [[attack]]
    assert len(queries.newest_orders(ask, T0)) == 3


def test_a_table_that_is_not_on_the_list_is_never_asked_for() -> None:
    with pytest.raises(ValueError, match="not a table of this page"):
        queries._snapshots(['gold.orders" CROSS JOIN "secrets'])


def test_a_refused_statement_names_trinos_query(ask: Ask) -> None:
    with pytest.raises(Unanswered, match=r"Trino refused this question \(SYNTAX_ERROR, query \d+_"):
        ask("SELEC 1")


def test_a_statement_that_takes_too_long_is_given_up(chosen: Settings) -> None:
    numbers = "UNNEST(sequence(1, 10000))"
    with pytest.raises(Unanswered, match="longer than 1 s"):
        client(chosen, answer_within_s=1, reply_within_s=300)(
            f"SELECT max(a + b + c) FROM {numbers} x(a), {numbers} y(b), {numbers} z(c)"
        )


def test_ten_pages_cost_one_query_per_interval(ask: Ask, counting: Counting) -> None:
    counted = counting(ask)
    board = Board(counted)
    for _ in range(10):
        assert board.minutes(30).rows == board.minutes(180).rows
    assert counted.statements == 2, "which minute is the newest, and the minutes up to it"


def test_a_window_is_of_minutes_however_many_currencies_there_are(ask: Ask, run: Run, insert: Insert) -> None:
    codes = [f"X{first}{second}" for first in "ABCDEFGHIJ" for second in "ABCDEFGHIJKLMNOPQRST"]
    insert("gold.business_metrics", *({"minute": _at(120), "currency": code, "orders": 0} for code in codes))
    rows = Board(ask).minutes(30).rows
    run("DELETE FROM gold.business_metrics WHERE currency LIKE 'X%'")
    assert rows is not None
    assert {row.minute for row in rows if row.currency == "BRL"} == {_at(0), _at(60), _at(120)}


def test_the_running_page_shows_the_lake(
    chosen: Settings, ask: Ask, served: Callable[..., Any], fire: Callable[..., httpx.Response], shown: Callable[[Any], str]
) -> None:
    with served(chosen, ask=ask) as browser:
        tiles = fire(browser, "tiles", tick__n_intervals=1).json()["response"]
        lists = [fire(browser, f"newest-{what}-rows", tick__n_intervals=1).json()["response"] for what in ("orders", "scores")]
        graphs = fire(browser, "gmv", window__value="30m", scheme__data="light").json()["response"]
        decided = fire(browser, "decisions", window__value="24h", scheme__data="dark").json()["response"]
    assert "R$ 301" in shown(tiles["tiles"]["children"])
    assert "5.00 % 240 sessions" in shown(tiles["tiles"]["children"])
    assert "…r-2126-2" in shown(lists[0]["newest-orders-rows"])
    assert "decline" in shown(lists[1]["newest-scores-rows"])
    assert graphs["gmv-now"]["children"] == "R$ 100"
    assert [trace["name"] for trace in decided["decisions"]["figure"]["data"]] == ["review", "decline"]
