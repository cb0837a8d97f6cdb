"""The stability index against divergences computed by SciPy from single probabilities, and what it
is called.
"""

from bisect import bisect_right
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import rel_entr

from dashboards.pages.fraud import drift
from dashboards.pages.fraud.drift import EDGES
from dashboards.pages.fraud.queries import Scored

probabilities = st.lists(st.one_of(st.floats(0, 1), st.sampled_from(EDGES)), min_size=1, max_size=200)


def rows(before: list[float], now: list[float]) -> list[Scored]:
    counts = Counter((recent, bisect_right(EDGES, p)) for recent, values in ((False, before), (True, now)) for p in values)
    return [Scored(recent, place, payments) for (recent, place), payments in counts.items()]


def by_hand(values: list[float]) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    """Shares of the classes by NumPy's histogram, with half a payment more in each."""
    counts, _ = np.histogram(values, bins=[-np.inf, *EDGES, np.inf])
    return (counts + 0.5) / (counts + 0.5).sum()


@given(probabilities, probabilities)
def test_the_index_is_the_sum_of_both_divergences(before: list[float], now: list[float]) -> None:
    known = drift.distributions(rows(before, now))
    one, other = by_hand(before), by_hand(now)
    divergences = rel_entr(one, other).sum() + rel_entr(other, one).sum()
    assert drift.stability_index(*known) == pytest.approx(divergences, abs=1e-12)
    assert sum(known.before) == len(before)
    assert sum(known.now) == len(now)


@given(st.lists(st.integers(0, 10**6), min_size=2, max_size=12).filter(any), st.integers(1, 50))
def test_equal_shares_are_stable_however_many_payments(counts: list[int], times: int) -> None:
    assert drift.stability_index(counts, counts) == 0
    many = [10_000 * count for count in counts]
    assert drift.stability_index(many, [times * count for count in many]) == pytest.approx(0, abs=1e-3)


@given(st.data())
def test_the_index_is_never_negative_and_the_same_both_ways(data: st.DataObject) -> None:
    counts = st.lists(st.integers(0, 1000), min_size=12, max_size=12).filter(any)
    one, other = data.draw(counts), data.draw(counts)
    index = drift.stability_index(one, other)
    assert index is not None
    assert index >= 0
    assert index == pytest.approx(drift.stability_index(other, one))


def test_by_chance_is_what_resampling_gives() -> None:
    draw = np.random.default_rng(4)
    shares = np.array([0.5, 0.2, 0.15, 0.1, 0.05])
    drawn = [(draw.multinomial(2000, shares).tolist(), draw.multinomial(500, shares).tolist()) for _ in range(2000)]
    mean = np.mean([drift.stability_index(*pair) for pair in drawn])
    assert drift.by_chance(*drawn[0]) == pytest.approx(mean, rel=0.1)


def test_without_payments_on_a_side_there_is_no_index() -> None:
    assert drift.stability_index([0, 0], [3, 4]) is None
    assert drift.by_chance([3, 4], [0, 0]) is None
    assert drift.shares([0, 0]) == [0, 0]


@pytest.mark.parametrize(
    ("index", "chance", "verdict"),
    [
        (0.099, 0.01, "stable"),
        (0.1, 0.01, "moved"),
        (0.249, 0.01, "moved"),
        (0.25, 0.01, "drifted"),
        (0.9, 0.1, "too few payments to tell"),
        (None, None, "nothing to compare yet"),
    ],
)
def test_bands(index: float | None, chance: float | None, verdict: str) -> None:
    assert drift.verdict(index, chance) == verdict
