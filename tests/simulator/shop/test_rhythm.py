"""Hours, weekdays and holidays in Brazilian time."""

from datetime import UTC, date, datetime

import pytest

from simulator.shop.rhythm import Rhythm, black_friday
from simulator.shop.statistics import statistics

FITTED = statistics()


def micros(*moment: int) -> int:
    return int(datetime(*moment, tzinfo=UTC).timestamp()) * 1_000_000  # type: ignore[arg-type, misc]


@pytest.mark.parametrize(("year", "day"), [(2017, 24), (2018, 23), (2024, 29), (2026, 27), (2027, 26)])
def test_black_friday_is_the_day_after_the_fourth_thursday(year: int, day: int) -> None:
    assert black_friday(year) == date(year, 11, day)


def test_factors_of_a_week_are_the_fitted_ones_three_hours_later() -> None:
    monday = micros(2026, 3, 2, 3)
    factors = [Rhythm(FITTED, steady=False).factor(monday + hour * 3_600_000_000) for hour in range(168)]
    assert factors == FITTED.week
    assert sum(factors) / 168 == pytest.approx(1.0, abs=0.001)


def test_black_friday_is_the_busiest_day() -> None:
    rhythm = Rhythm(FITTED, steady=False)
    friday, week_before = micros(2026, 11, 27, 15), micros(2026, 11, 20, 15)
    assert rhythm.factor(friday) == pytest.approx(FITTED.black_friday[1] * rhythm.factor(week_before))
    assert rhythm.factor(micros(2026, 11, 27, 2)) < rhythm.factor(friday)


def test_christmas_is_quiet() -> None:
    rhythm = Rhythm(FITTED, steady=False)
    assert rhythm.factor(micros(2026, 12, 25, 15)) < 0.5 * rhythm.factor(micros(2026, 12, 18, 15))
    assert rhythm.factor(micros(2026, 12, 26, 15)) == FITTED.week[(5 * 24) + 12]


def test_steady_knows_no_hours() -> None:
    assert {Rhythm(FITTED, steady=True).factor(micros(2026, 11, 27, hour)) for hour in range(24)} == {1.0}
