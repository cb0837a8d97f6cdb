"""What is compared with what, by which measure, and from which difference on it matters. All of it
is fixed before anybody looks: so many comparisons share one error of 5 %.
"""

from collections.abc import Iterable
from typing import NamedTuple

from dashboards.pages.recommendations import statistics
from dashboards.pages.recommendations.queries import Measured, Wins
from dashboards.pages.recommendations.statistics import Difference, Sample

VARIANTS = {"session": "session", "popular": "popular", "interleaved": "interleaved", "none": "no lists"}
# Each measure in a word, and whole.
MEASURES = {
    "conversion": ("conversion", "sessions with a purchase"),
    "viewed": ("views", "lists shown with a product viewed"),
    "carted": ("carts", "lists shown with a product put into the cart"),
    "bought": ("purchases", "lists shown with a product bought"),
    "wins": ("votes", "visitors who clicked more from one of two interleaved lists"),
}


class Planned(NamedTuple):
    """One comparison: whether `ours` has more of the measure than `rival`; smaller differences than
    the tolerance, a share, do not matter.
    """

    ours: str
    rival: str
    measure: str
    tolerance: float


class Compared(NamedTuple):
    """A planned comparison with what is known of it by now, if anything is."""

    planned: Planned
    difference: Difference | None
    verdict: str


PLANNED = (
    Planned("session", "popular", "conversion", 0.005),
    Planned("session", "none", "conversion", 0.005),
    Planned("session", "popular", "wins", 0.05),
    Planned("session", "popular", "viewed", 0.01),
    Planned("session", "popular", "carted", 0.005),
    Planned("session", "popular", "bought", 0.005),
)
ALPHA = statistics.ALPHA / len(PLANNED)
NOBODY = Sample(0, 0, 0, None, None, None)


def compared(measured: Iterable[Measured], wins: Wins) -> list[Compared]:
    """Return every planned comparison with its verdict."""
    samples = {(one.variant, one.measure): one.sample for one in measured}
    return [_compared(planned, samples, wins) for planned in PLANNED]


def named(word: str) -> str:
    """Return how a variant is called; one that nobody has planned keeps its word."""
    return VARIANTS.get(word, word)


def _compared(planned: Planned, samples: dict[tuple[str, str], Sample], wins: Wins) -> Compared:
    # The mixture is widest over differences twice as large as those that begin to matter.
    scale = 2 * planned.tolerance
    if planned.measure == "wins":
        found = statistics.preference(wins.session, wins.popular, scale, ALPHA)
    else:
        ours, rival = (samples.get((variant, planned.measure), NOBODY) for variant in (planned.ours, planned.rival))
        found = statistics.difference(ours, rival, scale, ALPHA)
    return Compared(planned, found, statistics.verdict(found, planned.tolerance))
