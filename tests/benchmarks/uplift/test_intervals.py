"""Intervals that seeds and sessions leave, against what theory says of them."""

import numpy as np
import pytest

from benchmarks.uplift.intervals import Means, Ranged, Resampled


def first(means: Means) -> np.ndarray:
    return means["session"][:, 0]


def over(means: Means) -> np.ndarray:
    return means["session"][:, 0] - means["none"][:, 0]


def test_sessions_of_shops_that_are_alike_leave_two_standard_errors() -> None:
    values = np.random.default_rng(1).normal(5, 2, (4_000, 1))
    found = Resampled({"session": [values, values]}).ranged(first)
    error = 2 / np.sqrt(8_000)
    assert found.value == pytest.approx(values.mean())
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * error * np.sqrt(1), rel=0.5)
    assert found.low < values.mean() < found.high


def test_shops_that_differ_widen_the_interval_and_not_that_of_a_paired_difference() -> None:
    """Without chance inside of a shop, what is left is which shops were drawn."""
    none = [np.full((100, 1), value) for value in (1.0, 2.0, 4.0)]
    resampled = Resampled({"none": none, "session": [table + 0.5 for table in none]})
    alone, difference = resampled.ranged(first), resampled.ranged(over)
    assert (alone.low, alone.high) == (pytest.approx(1.5), pytest.approx(4.5))
    assert difference == Ranged(pytest.approx(0.5), pytest.approx(0.5), pytest.approx(0.5))


def test_a_figure_becomes_three_metrics_with_unit_and_circumstance() -> None:
    assert Ranged(2.0, 1.0, 3.0).metrics("session_over_none_conversion", "_pct", "_weak") == {
        "session_over_none_conversion_pct_weak": 2.0,
        "session_over_none_conversion_low_pct_weak": 1.0,
        "session_over_none_conversion_high_pct_weak": 3.0,
    }
