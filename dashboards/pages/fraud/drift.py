"""Whether scores drift: the distribution of probabilities now against the one before."""

from collections.abc import Iterable
from math import log
from typing import NamedTuple

from dashboards.pages.fraud.queries import Scored

# Classes of probability: most payments are hardly suspicious, so the classes grow with the
# probability.
EDGES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8)
MOVED_FROM = 0.1
DRIFTED_FROM = 0.25


class Distributions(NamedTuple):
    """Payments per class of probability, in the week before and in the newest day."""

    before: list[int]
    now: list[int]


def distributions(rows: Iterable[Scored]) -> Distributions:
    """Return the payments of every class; a class without rows has none."""
    counts = {(row.recent, row.place): row.payments for row in rows}
    before, now = ([counts.get((recent, place), 0) for place in range(len(EDGES) + 1)] for recent in (False, True))
    return Distributions(before, now)


def shares(counts: list[int]) -> list[float]:
    """Return each class's share of all payments; zeros without payments."""
    total = sum(counts)
    return [count / total if total else 0.0 for count in counts]


def stability_index(before: list[int], now: list[int]) -> float | None:
    """Return the population stability index of two distributions over the same classes, null where
    either has no payments.

    The sum over all classes of (n - b) ln(n / b), where n and b are the class's shares now and
    before: 0 for equal shares, the same in both directions. Half a payment is added to each class,
    so that an empty one has a logarithm. Source: N. Siddiqi, Credit Risk Scorecards, Wiley 2006,
    with its bands: below 0.1 stable, from 0.25 on drifted.
    """
    if not sum(before) or not sum(now):
        return None
    then, since = (shares([2 * count + 1 for count in counts]) for counts in (before, now))
    return sum((n - b) * log(n / b) for b, n in zip(then, since, strict=True))


def by_chance(before: list[int], now: list[int]) -> float | None:
    """Return the index to be expected where nothing drifts, from the numbers of payments alone.

    (classes - 1) (1/N + 1/M), with N and M payments before and now, over the classes that either
    has payments in. Source: B. Yurdakul, Statistical Properties of Population Stability Index,
    Western Michigan University 2018.
    """
    if not sum(before) or not sum(now):
        return None
    classes = sum(1 for pair in zip(before, now, strict=True) if any(pair))
    return (classes - 1) * (1 / sum(before) + 1 / sum(now))


def verdict(index: float | None, chance: float | None) -> str:
    """Return what the index says in a few words; where chance alone may move it, it says
    nothing.
    """
    if index is None or chance is None:
        return "nothing to compare yet"
    if chance >= MOVED_FROM:
        return "too few payments to tell"
    if index < MOVED_FROM:
        return "stable"
    return "moved" if index < DRIFTED_FROM else "drifted"
