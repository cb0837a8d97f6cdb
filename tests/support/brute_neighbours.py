"""What speaks for a product, written down without an index: every session is looked at."""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pipelines.recommendations.model.index import LONGEST, POSTINGS, REACH, SMOOTHING, STEP_DECAY
from pipelines.recommendations.model.kernel import BACK, Weights
from pipelines.recommendations.model.options import Kernel


class Neighbour(NamedTuple):
    """A session that shares products with the query: the newest shared one is so far back in the
    query, and last at this place of the session.
    """

    session: int
    back: int
    place: int
    strength: np.float64


def newest_first(query: Sequence[int]) -> list[tuple[int, int]]:
    """Return the distinct products of a query, each with its distance from the newest click."""
    found: dict[int, int] = {}
    for back, product in enumerate(reversed(query)):
        found.setdefault(product, back)
    return list(found.items())


def neighbours(sessions: list[list[int]], query: list[int], kernel: Kernel, weights: Weights) -> list[Neighbour]:
    """Return the strongest neighbours, of equals those found first: by newer product, then newer
    session.
    """
    similarity: dict[int, np.float64] = defaultdict(lambda: np.float64(0))
    first_found: dict[int, tuple[int, int]] = {}
    for product, back in newest_first(query):
        holding = [s for s in reversed(range(len(sessions))) if product in sessions[s]][:POSTINGS]
        for session in holding:
            similarity[session] += np.float64(weights.query[back]) * weights.rarity[product] + 1e-9
            place = len(sessions[session]) - 1 - sessions[session][::-1].index(product)
            first_found.setdefault(session, (back, place))
    found = [
        Neighbour(session, back, place, similarity[session] * weights.match[back] * weights.sessions[session])
        for session, (back, place) in first_found.items()
    ]
    return sorted(found, key=lambda neighbour: -neighbour.strength)[: int(kernel.neighbours)]


def similar(sessions: list[list[int]], query: list[int], kernel: Kernel, weights: Weights) -> dict[int, float]:
    """Return what neighbours add up to for each product in one of them."""
    trimmed = [session[-LONGEST:] for session in sessions]
    total: dict[int, float] = defaultdict(float)
    for neighbour in neighbours(trimmed, query, kernel, weights):
        for place, product in enumerate(trimmed[neighbour.session]):
            step = place - neighbour.place
            share = kernel.self_share
            if step > 0:
                share = kernel.after_decay ** (step - 1)
            elif step < 0:
                share = kernel.before_share * kernel.before_decay ** (-step - 1)
            total[product] += float(neighbour.strength) * share
    return dict(total)


def forward(sessions: list[list[int]], query: list[int], kernel: Kernel) -> dict[int, float]:
    """Return what pairs add up to for each product seen behind one of the query's newest."""
    total: dict[int, float] = defaultdict(float)
    for product, back in newest_first(query):
        if back < BACK:
            for other, share in _behind(sessions, product).items():
                total[other] += kernel.back_off**back * share
    return dict(total)


def _behind(sessions: list[list[int]], product: int) -> dict[int, float]:
    """Return how often each product comes behind one, near by, as a share of its clicks that are
    not the last.
    """
    counts: dict[int, float] = defaultdict(float)
    clicks = 0
    for session in sessions:
        for place, clicked in enumerate(session):
            if clicked == product:
                clicks += place + 1 < len(session)
                for step, other in enumerate(session[place + 1 : place + 1 + REACH]):
                    counts[other] += STEP_DECAY**step
    return {other: count / (clicks + SMOOTHING) for other, count in counts.items()}
