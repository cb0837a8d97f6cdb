"""Intervals and verdicts: against published figures, against brute force, and by simulation with
fixed seeds of how often they are right.
"""

from math import exp, inf, sqrt

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards.pages.recommendations import statistics
from dashboards.pages.recommendations.statistics import Difference, Interval, Sample

Counts = npt.NDArray[np.int64]


def sample(trials: Counts, successes: Counts) -> Sample:
    """The moments of visitors, as Trino gives them."""
    (x, xy), (_, y) = np.cov(trials, successes)
    return Sample(len(trials), int(trials.sum()), int(successes.sum()), float(x), float(y), float(xy))


def visitors(chance: np.random.Generator, count: int, share: float, alike: float = 0.0) -> tuple[Counts, Counts]:
    """Trials and successes of visitors with one to some dozens of trials each; the trials of one
    visitor are correlated by `alike`, as those of a beta distribution are.
    """
    trials = chance.geometric(0.2, count)
    likes: npt.NDArray[np.float64] | float = share
    if alike:
        strength = 1 / alike - 1
        likes = chance.beta(share * strength, (1 - share) * strength, count)
    return trials, chance.binomial(trials, likes)


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_s_interval_is_the_published_one(successes: int, trials: int, low: float, high: float) -> None:
    # R. G. Newcombe, Two-Sided Confidence Intervals for the Single Proportion, Statistics in
    # Medicine 17, 1998, table I, method 3.
    assert statistics.wilson(successes / trials, trials) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 2000), st.floats(0, 1))
def test_wilson_s_interval_holds_the_share_and_stays_a_share(trials: int, part: float) -> None:
    share = round(part * trials) / trials
    low, high = statistics.wilson(share, trials)
    assert 0 <= low <= share + 1e-12
    assert share - 1e-12 <= high <= 1


def test_the_variance_of_a_share_is_that_of_a_bootstrap_over_visitors() -> None:
    chance = np.random.default_rng(1)
    trials, successes = visitors(chance, 800, 0.2, alike=0.3)
    drawn = chance.integers(0, 800, (4000, 800))
    shares = successes[drawn].sum(axis=1) / trials[drawn].sum(axis=1)
    assert statistics.variance(sample(trials, successes)) == pytest.approx(shares.var(), rel=0.06)


def test_where_each_visitor_has_one_trial_the_interval_is_wilson_s() -> None:
    successes = np.repeat([1, 0], [300, 700])
    found = statistics.interval(sample(np.ones(1000, np.int64), successes))
    assert found == pytest.approx(statistics.wilson(0.3, 1000), abs=1e-4)


@pytest.mark.parametrize(("count", "share", "alike"), [(400, 0.1, 0.3), (400, 0.5, 0.3), (1000, 0.02, 0.1), (200, 0.3, 0.0)])
def test_the_interval_holds_the_truth_in_95_of_100_experiments(count: int, share: float, alike: float) -> None:
    chance = np.random.default_rng(2)
    intervals = [statistics.interval(sample(*visitors(chance, count, share, alike))) for _ in range(1500)]
    held = np.mean([low <= share <= high for low, high in filter(None, intervals)])
    assert 0.93 <= held <= 0.985


def test_an_interval_that_takes_the_trials_of_a_visitor_for_independent_ones_is_too_narrow() -> None:
    chance = np.random.default_rng(3)
    samples = [sample(*visitors(chance, 400, 0.2, alike=0.3)) for _ in range(500)]
    held = np.mean([low <= 0.2 <= high for low, high in (statistics.wilson(s.share or 0, s.trials) for s in samples)])
    assert held < 0.8


def test_nobody_and_one_visitor_have_no_variance() -> None:
    nobody, one = Sample(0, 0, 0, None, None, None), Sample(1, 4, 1, None, None, None)
    assert (statistics.variance(nobody), statistics.interval(nobody), nobody.share) == (None, None, None)
    assert statistics.variance(one) is None
    assert statistics.interval(one) == statistics.wilson(0.25, 4)


def test_no_success_at_all_is_not_certainty() -> None:
    found = statistics.interval(sample(np.full(50, 2), np.zeros(50, np.int64)))
    assert found == pytest.approx((0, 0.037), abs=1e-3)


@pytest.mark.parametrize(("spread", "scale", "alpha"), [(1e-4, 0.02, 0.05), (4e-6, 0.01, 0.05 / 6), (0.01, 0.1, 0.01)])
def test_the_always_valid_interval_ends_where_the_mixture_s_ratio_is_one_by_alpha(
    spread: float, scale: float, alpha: float
) -> None:
    low, high = statistics.always_valid(0.0, spread, scale, alpha)
    assert low == -high
    assert mixture_ratio(high, spread, scale) == pytest.approx(1 / alpha, rel=1e-6)


def mixture_ratio(estimate: float, spread: float, scale: float) -> float:
    """How much likelier an estimate is under normally distributed effects than under none, added up
    over the effects.
    """
    effects = np.linspace(-12 * scale, 12 * scale, 200_001)
    weights = np.exp(-(effects**2) / (2 * scale**2)) / sqrt(2 * np.pi * scale**2)
    likelihoods = np.exp(-((estimate - effects) ** 2) / (2 * spread))
    return float((weights * likelihoods).sum() * (effects[1] - effects[0]) / exp(-(estimate**2) / (2 * spread)))


def test_of_experiments_without_a_difference_that_are_looked_at_all_the_time_few_are_wrong() -> None:
    chance = np.random.default_rng(4)
    wrong, wrong_by_single_looks = zip(*(ever_wrong(chance) for _ in range(200)), strict=True)
    assert np.mean(wrong) <= 0.05
    assert np.mean(wrong_by_single_looks) > 0.15


def ever_wrong(chance: np.random.Generator, share: float = 0.1) -> tuple[bool, bool]:
    """Whether 60 looks at two equal variants ever see a difference: by the always-valid interval,
    and by one of 95 % for a single look.
    """
    sides = [visitors(chance, 6000, share, alike=0.2) for _ in range(2)]
    looks = [[sample(trials[:n], successes[:n]) for trials, successes in sides] for n in range(100, 6001, 100)]
    found = [(one, pair) for pair in looks if (one := statistics.difference(*pair, 0.02))]
    always = [one.interval.low > 0 or one.interval.high < 0 for one, _ in found]
    single = [abs(one.value) > 1.96 * sqrt(sum(filter(None, map(statistics.variance, pair)))) for one, pair in found]
    return any(always), any(single)


def test_a_difference_that_is_there_is_found_and_its_direction_is_right() -> None:
    chance = np.random.default_rng(5)
    ours, rival = (sample(*visitors(chance, 6000, share, alike=0.2)) for share in (0.13, 0.1))
    found, turned = statistics.difference(ours, rival, 0.02), statistics.difference(rival, ours, 0.02)
    assert (statistics.verdict(found, 0.01), statistics.verdict(turned, 0.01)) == ("better", "worse")
    assert found is not None
    assert found.interval.low <= 0.03 <= found.interval.high


def test_equal_variants_are_called_so_once_there_are_visitors_enough() -> None:
    chance = np.random.default_rng(6)
    ours, rival = (sample(*visitors(chance, 60_000, 0.1)) for _ in range(2))
    assert statistics.verdict(statistics.difference(ours, rival, 0.02), 0.01) == "no difference"


@pytest.mark.parametrize(("count", "successes"), [(99, 50), (1000, 19)])
def test_with_too_few_visitors_or_successes_nothing_is_said(count: int, successes: int) -> None:
    few = Sample(count, 10_000, successes, 1.0, 0.1, 0.1)
    many = Sample(5000, 10_000, 5000, 1.0, 0.1, 0.1)
    assert statistics.difference(few, many, 0.02) is None
    assert statistics.difference(many, few, 0.02) is None
    assert statistics.difference(many, many, 0.02) is not None


def test_a_preference_is_the_share_of_wins_beyond_one_half() -> None:
    found = statistics.preference(900, 600, 0.1)
    assert found is not None
    assert found.value == pytest.approx(0.1)
    assert statistics.verdict(found, 0.05) == "better"
    assert statistics.verdict(statistics.preference(600, 900, 0.1), 0.05) == "worse"
    assert statistics.verdict(statistics.preference(200, 190, 0.1), 0.05) == "undecided"
    assert statistics.verdict(statistics.preference(8000, 8000, 0.1), 0.05) == "no difference"
    assert statistics.preference(60, 39, 0.1) is None


@pytest.mark.parametrize(
    ("low", "high", "word"),
    [
        (0.001, 0.2, "better"),
        (-0.2, -0.001, "worse"),
        (-0.01, 0.01, "no difference"),
        (-0.011, 0.01, "undecided"),
        (-0.01, 0.011, "undecided"),
        (-inf, inf, "undecided"),
    ],
)
def test_a_verdict_is_read_off_the_interval(low: float, high: float, word: str) -> None:
    assert statistics.verdict(Difference(0.0, Interval(low, high)), 0.01) == word


def test_without_a_variance_everything_is_possible() -> None:
    assert statistics.always_valid(0.1, 0.0, 0.02) == (-inf, inf)
