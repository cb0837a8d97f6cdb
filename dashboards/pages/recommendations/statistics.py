"""How sure a measured share is, and when two may be told apart. Pure: no IO, no clock, no
randomness.

Visitors are assigned to variants, so visitors are what varies: every share here is one of trials
(lists, sessions, products) with successes among them, and trials of one visitor are alike. A share
comes as a Sample, moments over visitors.
"""

from math import inf, log, sqrt
from typing import NamedTuple

CONFIDENCE_Z = 1.959964  # the 97.5th percentile of the normal distribution: 95 % between both sides
ALPHA = 0.05
# Below these the normal approximation does not hold, and nothing is decided.
FEWEST_VISITORS = 100
FEWEST_SUCCESSES = 20


class Sample(NamedTuple):
    """Trials and successes of one variant: sums, and per visitor their variances and covariance
    (with n - 1; null with fewer than two visitors).
    """

    visitors: int
    trials: int
    successes: int
    trials_variance: float | None
    successes_variance: float | None
    covariance: float | None

    @property
    def share(self) -> float | None:
        """Successes per trial, null without trials."""
        return self.successes / self.trials if self.trials else None


class Interval(NamedTuple):
    """A low and a high end."""

    low: float
    high: float


class Difference(NamedTuple):
    """How far two shares lie apart, and the interval that may be looked at again and again."""

    value: float
    interval: Interval


def variance(sample: Sample) -> float | None:
    """Return the variance of a share whose visitors have several trials each, null where fewer than
    two visitors are known.

    By the delta method: of the ratio r of two means over n visitors,
    (s_yy - 2 r s_xy + r² s_xx) / (n x̄²). Source: A. Deng, U. Knoblich, J. Lu, Applying the Delta
    Method in Metric Analytics, KDD 2018, section 3.
    """
    share = sample.share
    spreads = (sample.trials_variance, sample.successes_variance, sample.covariance)
    if share is None or None in spreads:
        return None
    x, y, xy = (spread or 0.0 for spread in spreads)
    per_visitor = sample.trials / sample.visitors
    return max(0.0, (y - 2 * share * xy + share**2 * x) / (sample.visitors * per_visitor**2))


def wilson(share: float, trials: float) -> Interval:
    """Return the 95 % interval of a share of independent trials; it stays within 0 and 1, and is no
    point where nothing or everything succeeded.

    Source: E. B. Wilson, Probable Inference, JASA 22, 1927.
    """
    z2 = CONFIDENCE_Z**2
    centre = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    half = CONFIDENCE_Z / (1 + z2 / trials) * sqrt(share * (1 - share) / trials + z2 / (4 * trials**2))
    return Interval(max(0.0, centre - half), min(1.0, centre + half))


def interval(sample: Sample) -> Interval | None:
    """Return the 95 % interval of a share: Wilson's, with as many trials as independent ones would
    say as much, by the ratio of the delta method's variance to that of independent trials. Null
    without trials.

    Source of the effective number: E. L. Korn, B. I. Graubard, Confidence Intervals for Proportions
    with Small Expected Number of Positive Counts, Survey Methodology 24, 1998.
    """
    share = sample.share
    if share is None:
        return None
    clustered, independent = variance(sample), share * (1 - share) / sample.trials
    alike = max(1.0, clustered / independent) if clustered and independent else 1.0
    return wilson(share, sample.trials / alike)


def always_valid(value: float, spread: float, scale: float, alpha: float = ALPHA) -> Interval:
    """Return the interval of an estimate that holds at all times at once with 1 - `alpha`, so that
    one may look whenever one likes and stop at what one sees.

    The mixture sequential probability ratio test, with a normal mixture of standard deviation
    τ = `scale` over the differences to be found: the value plus and minus
    sqrt(2 V (V + τ²) / τ² log(sqrt((V + τ²) / V) / alpha)), where V = `spread` is the variance of
    the estimate. Source: R. Johari, P. Koomen, L. Pekelis, D. Walsh, Peeking at A/B Tests, KDD
    2017.
    """
    if spread <= 0:
        return Interval(-inf, inf)
    mixed = spread + scale**2
    half = sqrt(2 * spread * mixed / scale**2 * log(sqrt(mixed / spread) / alpha))
    return Interval(value - half, value + half)


def difference(a: Sample, b: Sample, scale: float, alpha: float = ALPHA) -> Difference | None:
    """Return how much larger the share of `a` is than that of `b`; null where there are too few
    visitors or successes for that.
    """
    variances = (variance(a), variance(b))
    if not (_enough(a) and _enough(b)) or None in variances:
        return None
    value = a.successes / a.trials - b.successes / b.trials
    return Difference(value, always_valid(value, sum(one or 0.0 for one in variances), scale, alpha))


def preference(won: int, lost: int, scale: float, alpha: float = ALPHA) -> Difference | None:
    """Return by how much the share of wins exceeds one half; ties count for neither. Null with too
    few wins and losses.

    The share of wins is that of O. Chapelle, T. Joachims, F. Radlinski, Y. Yue, Large-Scale
    Validation and Analysis of Interleaved Search Evaluation, TOIS 30, 2012.
    """
    decided = won + lost
    if decided < FEWEST_VISITORS:
        return None
    value = won / decided - 0.5
    return Difference(value, always_valid(value, 0.25 / decided, scale, alpha))


def verdict(found: Difference | None, tolerance: float) -> str:
    """Return what is known: "better", "worse", "no difference" larger than the tolerance, or
    "undecided".
    """
    if found is None:
        return "undecided"
    low, high = found.interval
    if low > 0:
        return "better"
    if high < 0:
        return "worse"
    return "no difference" if -tolerance <= low and high <= tolerance else "undecided"


def _enough(sample: Sample) -> bool:
    return sample.visitors >= FEWEST_VISITORS and sample.successes >= FEWEST_SUCCESSES
