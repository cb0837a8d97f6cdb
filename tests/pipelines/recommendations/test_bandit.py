"""Shares by how probable it is that a variant is the best."""

import numpy as np
import pytest
from scipy import stats

from pipelines.recommendations.bandit import LEAST, shares


def test_of_two_variants_the_share_is_the_probability_that_the_one_is_better() -> None:
    """By quadrature over the two Beta posteriors."""
    successes, trials = np.array([70, 90]), np.array([1_000, 1_000])
    rates = np.linspace(0, 0.2, 20_001)
    worse, better = (stats.beta(1 + won, 1 + of - won) for won, of in zip(successes, trials, strict=True))
    expected = float(np.trapezoid(better.pdf(rates) * worse.cdf(rates), rates))
    assert shares(successes, trials, seed=1, least=0.0)[1] == pytest.approx(expected, abs=0.015)


def test_nobody_known_means_equal_shares_and_nobody_is_given_up() -> None:
    assert shares(np.zeros(4, np.int64), np.zeros(4, np.int64), seed=1) == pytest.approx([0.25] * 4, abs=0.02)
    lost = shares(np.array([500, 10]), np.array([1_000, 1_000]), seed=1)
    assert lost == pytest.approx([1 - LEAST, LEAST])


def test_the_same_counts_give_the_same_shares() -> None:
    counts = np.array([7, 9]), np.array([100, 110])
    assert shares(*counts, seed=3).tolist() == shares(*counts, seed=3).tolist()
