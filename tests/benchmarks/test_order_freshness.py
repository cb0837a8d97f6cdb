"""How old orders are when they are first seen."""

from datetime import UTC, datetime, timedelta

import pytest

from benchmarks.order_freshness import GOLD, SILVER, Poller, metrics
from pipelines.base.errors import ServiceUnreachable

OPENED = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
CLOSED = OPENED + timedelta(minutes=3)


def poller() -> Poller:
    """A poller of a window of three minutes."""
    return Poller(SILVER, OPENED, CLOSED)


def after(seconds: float) -> datetime:
    """So many seconds after the window opened."""
    return OPENED + timedelta(seconds=seconds)


def test_an_age_is_from_the_event_to_the_end_of_the_query_that_showed_it_first() -> None:
    looking = poller()
    looking.note([("a", after(1))], after(2.5).timestamp())
    looking.note([("a", after(1)), ("b", after(2))], after(4).timestamp())
    assert looking.ages_ms == [1500.0, 2000.0]


def test_only_events_of_the_window_count_and_each_once() -> None:
    looking = poller()
    rows = [("before", after(-1)), ("first", after(0)), ("behind", CLOSED)]
    looking.note(rows, after(5).timestamp())
    looking.note(rows, after(6).timestamp())
    assert looking.ages_ms == [5000.0]


def test_looking_goes_on_from_the_newest_row_seen() -> None:
    looking = poller()
    looking.note([("b", after(9)), ("a", after(3))], after(10).timestamp())
    assert looking.newest == after(9)
    looking.note([], after(11).timestamp())
    assert looking.newest == after(9)


def seen(ages_s: list[float]) -> Poller:
    """A poller that looked every second and saw one row of each age."""
    looking = poller()
    for i, age in enumerate(ages_s):
        looking.note([(str(i), after(i))], after(i).timestamp() + age)
    return looking


def test_a_question_names_table_key_and_time() -> None:
    question = poller().question(after(1))
    assert question.startswith("SELECT 'silver.orders', event_id, event_at FROM lake.silver.orders WHERE event_at >= ")
    assert question.endswith("TIMESTAMP '2026-11-22 12:00:01.000000 UTC'")


def test_figures_are_percentiles_by_table_and_gold_is_the_answer() -> None:
    silver, gold = seen([1.0] * 101), seen([i / 10 for i in range(101)])
    found = metrics({"silver": silver, "gold": gold}, 200.0)
    assert (found["silver_p50_ms"], found["silver_p99_ms"], found["silver_poll_ms"]) == (1000.0, 1000.0, 1000.0)
    assert [found[name] for name in ("p50_ms", "p95_ms", "p99_ms")] == pytest.approx([5000.0, 9500.0, 9900.0])
    assert found["gold_p95_ms"] == found["p95_ms"]
    assert (found["orders_count"], found["rate_per_s"]) == (101, 200.0)


def test_a_window_without_orders_is_no_measurement() -> None:
    with pytest.raises(ServiceUnreachable, match="No order came into silver and gold"):
        metrics({"silver": seen([1.0]), "gold": poller()}, 200.0)


def test_a_change_of_an_order_is_a_new_row_in_gold() -> None:
    assert "version" in GOLD.key
