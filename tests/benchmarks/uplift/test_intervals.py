"""Intervals that seeds and sessions leave, against what theory says of them."""

import numpy as np
import pytest

from benchmarks.uplift.intervals import Means, Ranged, Resampled
from benchmarks.uplift.measured_sessions import BOUGHT, COLUMNS, MEANT_TO_BUY, Table

CHANCE = np.random.default_rng(1)


def conversion(means: Means) -> np.ndarray:
    return means["session"][:, BOUGHT]


def difference(means: Means) -> np.ndarray:
    return means["session"][:, BOUGHT] - means["none"][:, BOUGHT]


def sessions(bought: np.ndarray, meant: np.ndarray | float = 0.0) -> Table:
    made = np.zeros((len(bought), COLUMNS))
    made[:, BOUGHT], made[:, MEANT_TO_BUY] = bought, meant
    return made


def test_sessions_of_shops_that_are_alike_leave_two_standard_errors() -> None:
    table = sessions(CHANCE.random(4_000) < 0.1)
    found = Resampled({"session": [table, table]}).ranged(conversion)
    error = np.sqrt(0.1 * 0.9 / 4_000)
    assert found.value == pytest.approx(table[:, BOUGHT].mean())
    assert error < (found.high - found.low) / 2 < 2 * error
    assert found.low < found.value < found.high


def test_shops_that_differ_widen_the_interval_and_not_that_of_a_paired_difference() -> None:
    """Without chance inside of a shop, what is left is which shops were drawn."""
    none = [sessions(np.full(100, value)) for value in (1.0, 2.0, 4.0)]
    more = [sessions(np.full(100, value)) for value in (1.5, 2.5, 4.5)]
    resampled = Resampled({"none": none, "session": more})
    alone = resampled.ranged(conversion)
    assert (alone.low, alone.high) == (pytest.approx(1.5), pytest.approx(4.5))
    assert resampled.ranged(difference) == Ranged(*[pytest.approx(0.5)] * 3)


def test_who_comes_by_chance_falls_out_of_a_comparison_and_stays_in_a_figure_alone() -> None:
    """All who mean to buy do, and nobody else, with 90 such visitors here and 110 there."""
    here, there = (sessions(meant, meant) for meant in (np.arange(1_000) < 90, np.arange(1_000) < 110))
    resampled = Resampled({"none": [here], "session": [there]})
    assert resampled.ranged(difference) == Ranged(*[pytest.approx(0.0, abs=1e-12)] * 3)
    found = resampled.ranged(conversion)
    assert found.value == pytest.approx(0.1)
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * np.sqrt(0.1 * 0.9 / 2_000), rel=0.1)


def test_a_figure_becomes_three_metrics_with_unit_and_circumstance() -> None:
    assert Ranged(2.0, 1.0, 3.0).metrics("session_over_none_conversion", "_pct", "_weak") == {
        "session_over_none_conversion_pct_weak": 2.0,
        "session_over_none_conversion_low_pct_weak": 1.0,
        "session_over_none_conversion_high_pct_weak": 3.0,
    }
