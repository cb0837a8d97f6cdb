"""Even series against sums taken by hand and by brute force."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards.pages.live import series
from dashboards.pages.live.queries import Decided, Minute

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def minute(back: int, orders: int = 3, gmv: str = "300.00", sessions: int = 60, currency: str = "BRL") -> Minute:
    return Minute(NOON - timedelta(minutes=back), currency, orders, Decimal(gmv), sessions)


def made(back: int, decision: str, payments: int) -> Decided:
    return Decided(NOON - timedelta(minutes=back), decision, payments)


def test_a_minute_without_rows_sold_nothing() -> None:
    points = series.points([minute(2), minute(0)], "BRL", series.WINDOWS["30m"])
    assert len(points) == 30
    assert [p.orders for p in points[-3:]] == [3, 0, 3]
    assert [p.conversion for p in points[-3:]] == [0.05, None, 0.05]
    assert points[-1].at == NOON


def test_more_orders_than_sessions_say_nothing_of_conversion() -> None:
    assert series.points([minute(0, orders=3, sessions=2)], "BRL", series.WINDOWS["30m"])[-1].conversion is None


def test_long_windows_average_per_minute_and_the_step_still_filling_over_its_minutes_begun() -> None:
    rows = [minute(back, orders=6) for back in range(16)]
    points = series.points(rows, "BRL", series.WINDOWS["24h"])
    assert [p.orders for p in points[-2:]] == [6, 6]
    assert points[-1].at == NOON
    assert points[-2].at == NOON - timedelta(minutes=15)


def test_amounts_of_two_currencies_are_not_added_up() -> None:
    rows = [minute(0, orders=5), minute(0, orders=2, currency="EUR")]
    assert series.main_currency(rows) == "BRL"
    assert series.points(rows, "BRL", series.WINDOWS["30m"])[-1].orders == 5
    assert series.hour(rows, "BRL").gmv == Decimal("300.00")


def test_an_hour_is_the_sixty_minutes_that_end_with_the_newest() -> None:
    rows = [minute(back, orders=1) for back in range(120)]
    assert series.hour(rows, "BRL").orders == 60
    assert series.hour(rows, "BRL", ago=1).orders == 60
    assert series.covers(rows, 2 * series.HOUR)
    assert not series.covers(rows[:119], 2 * series.HOUR)


def test_nothing_known_is_nothing_drawn() -> None:
    assert series.points([], "", series.WINDOWS["3h"]) == []
    assert series.main_currency([]) == ""
    assert series.hour([], "BRL") == series.Totals(0, Decimal(), 0)
    assert series.hour([], "BRL").conversion is None
    assert series.share([], "review") is None


def test_shares_count_the_newest_hour_only() -> None:
    rows = [made(61, "review", 50), made(30, "approve", 7), made(5, "review", 2), made(0, "decline", 1)]
    assert series.share(rows, "review") == pytest.approx(0.2)
    assert series.share(rows, "decline") == pytest.approx(0.1)


def test_decisions_are_counted_per_step() -> None:
    starts = series.slots(NOON, series.WINDOWS["3h"])
    counts = series.decided(
        [made(0, "review", 2), made(1, "review", 6), made(3, "review", 3), made(3, "decline", 9)], "review", starts
    )
    assert len(counts) == 60
    assert counts[-3:] == [0, 3, 2]


@given(
    st.dictionaries(
        st.integers(0, 2000), st.tuples(st.integers(0, 50), st.integers(0, 10**7), st.integers(0, 900)), min_size=1
    ),
    st.sampled_from(list(series.WINDOWS.values())),
    st.integers(0, 14),
)
def test_points_hold_every_order_of_their_window_and_none_twice(
    sold: dict[int, tuple[int, int, int]], window: series.Window, shift: int
) -> None:
    rows = [minute(back + shift, n, str(Decimal(cents) / 100), visits) for back, (n, cents, visits) in sold.items()]
    points = series.points(rows, "BRL", window)
    newest = max(row.minute for row in rows)
    begun = [series._minutes_begun(point.at, newest, window.step) for point in points]
    inside = [row for row in rows if row.minute >= points[0].at]
    assert sum(p.orders * n for p, n in zip(points, begun, strict=True)) == pytest.approx(sum(r.orders for r in inside))
    assert sum(p.gmv * n for p, n in zip(points, begun, strict=True)) == pytest.approx(float(sum(r.gmv for r in inside)))
    assert points[-1].at <= newest < points[-1].at + timedelta(minutes=window.step)
