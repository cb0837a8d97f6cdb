"""Even series of what was shown: gaps, young steps, shares."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from dashboards.pages.recommendations.queries import Step
from dashboards.pages.recommendations.series import COUNTS_FOR, WINDOWS, points, slots

NOW = datetime(2026, 11, 22, 12, 34, tzinfo=UTC)
HOUR = WINDOWS["1h"]
MINUTE = timedelta(minutes=1)


def test_each_variant_has_every_step_and_a_step_without_lists_is_a_gap() -> None:
    rows = [Step(NOW.replace(minute=30), "session", 40, 10, 400, 12), Step(NOW.replace(minute=5), "popular", 0, 0, 0, 0)]
    found = points(rows, NOW, HOUR)
    assert list(found) == ["popular", "session"]
    assert {len(series) for series in found.values()} == {12}
    newest = found["session"][-1]
    assert (newest.at, newest.lists, newest.hit_rate, newest.click_through) == (NOW.replace(minute=30), 40, 0.25, 0.03)
    assert [point.hit_rate for point in found["session"][:-1]] == [None] * 11
    assert [point.click_through for point in found["popular"]] == [None] * 12


def test_steps_whose_visitors_may_still_click_are_young() -> None:
    series = points([Step(NOW, "session", 1, 1, 1, 1)], NOW, HOUR)["session"]
    assert [point.at.minute for point in series if point.young] == [0, 5, 10, 15, 20, 25, 30]
    assert all(point.young == (point.at + HOUR.step > NOW - COUNTS_FOR) for point in series)


@given(st.sampled_from(list(WINDOWS.values())), st.integers(0, 10**6))
def test_the_last_step_holds_the_newest_list_and_the_window_is_whole(window: object, minutes: int) -> None:
    assert isinstance(window, type(HOUR))
    newest = NOW + minutes * MINUTE
    starts = slots(newest, window)
    assert starts[-1] <= newest < starts[-1] + window.step
    assert len(starts) * window.step == window.length
    assert {b - a for a, b in pairwise(starts)} == {window.step}


def test_nothing_shown_has_no_series() -> None:
    assert points([], NOW, HOUR) == {}
