"""How good lists are: hit rate and mean reciprocal rank of the product that came next, and what
else lists should be.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pipelines.base.arrays import Floats, Integers
from pipelines.recommendations.model.sessions import Numbered

TOP = 20
MISSED = 1 << 30


class Quality(NamedTuple):
    """Shares of the targets that are among the first TOP, and the mean of one over their rank, 0
    where it is beyond TOP.
    """

    hit_rate: float
    reciprocal_rank: float


def ranks(products: Numbered, scores: Floats, targets: Numbered) -> Integers:
    """Return the rank (n), 1 first, of each target in its list (n, k); all that score the same rank
    before it, and one that is not listed is MISSED.
    """
    hits = (products == targets[:, None]) & (targets[:, None] >= 0)
    own = np.where(hits, scores, -np.inf).max(axis=1, initial=-np.inf)
    before = ((scores >= own[:, None]) & (products >= 0) & ~hits).sum(axis=1)
    return np.where(hits.any(axis=1), before + 1, MISSED)


def quality(ranked: Integers, top: int = TOP) -> Quality:
    """Return the quality of ranks (n)."""
    if not len(ranked):
        return Quality(0.0, 0.0)
    hit = ranked <= top
    return Quality(float(hit.mean()), float(np.where(hit, 1 / ranked, 0).mean()))


class Breadth(NamedTuple):
    """What lists show beside hits."""

    coverage: float  # share of the products that are in any list
    popularity: float  # mean popularity, as a percentile of the products, of what is listed
    concentration: float  # share of all places that the most listed hundredth of products has
    diversity: float  # mean over pairs of lists of the share of products that are not in both


def breadth(products: Numbered, popularity: npt.NDArray[np.float64], top: int = TOP) -> Breadth:
    """Return what the first `top` of lists (n, k) show of products with a popularity (p)."""
    listed = products[:, :top]
    shown = np.bincount(listed[listed >= 0], minlength=len(popularity))
    percentile = np.argsort(np.argsort(popularity, kind="stable"), kind="stable") / max(len(popularity) - 1, 1)
    most_shown = np.sort(shown)[::-1][: max(len(popularity) // 100, 1)]
    return Breadth(
        float((shown > 0).mean()),
        float((percentile * shown).sum() / max(shown.sum(), 1)),
        float(most_shown.sum() / max(shown.sum(), 1)),
        _diversity(listed),
    )


def _diversity(listed: Numbered) -> float:
    """Return the mean over neighbours in a fixed shuffle of the lists of what they do not share."""
    order = np.random.default_rng(1).permutation(len(listed))
    pairs = zip(listed[order[:-1]][:5000], listed[order[1:]][:5000], strict=True)
    shared = [len(np.intersect1d(a, b)) / max(len(a), 1) for a, b in pairs]
    return 1 - float(np.mean(shared)) if shared else 0.0
