"""The index that recommendations are looked up in: plain arrays, made of past sessions.

Postings lead from a product to the newest sessions that hold it (VMIS-kNN: Kersbergen, Sprangers
and Schelter, Serenade, SIGMOD 2022), pairs from a product to those seen near it, facts say how
popular, recent and rare it is. All the compiled code is in this file, because Numba's cache notices
changes per file.
"""

from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from pipelines.base.arrays import Floats, Integers
from pipelines.recommendations.features.session import product_hashes
from pipelines.recommendations.model.lists import Hashes
from pipelines.recommendations.model.sessions import Catalogue, Numbered, Sessions

LONGEST = 50  # newest clicks of a session that are looked at: bots click 10,000 times
POSTINGS = 500  # newest sessions of a product
OCCURRENCES = 20_000  # newest clicks on a product that its pairs are counted from
PAIRS = 150  # strongest pairs of a product
REACH, STEP_DECAY, SMOOTHING = 10, 0.75, 2.0  # clicks between the two of a pair; of the counts
NEW_SHARE, RECENT_SHARE, LATE_SHARE = 0.1, 0.05, 0.01  # newest shares of the sessions
LEAST_RECENT = 200  # sessions that these shares are at least
TRENDING, TRENDING_IN_CATEGORY = 500, 50  # products that trends name

# What pairs hold of a product b seen near a: shares of the clicks on a.
NEXT, FORWARD, BACKWARD, RECENT, PAIR_VALUES = 0, 1, 2, 3, 4
# What is known of a product.
POPULARITY, RECENTLY, LATELY, RISE, FIRST_SEEN, LAST_SEEN, REPEATS, RARITY, FACTS = 0, 1, 2, 3, 4, 5, 6, 7, 8

compiled = numba.njit(cache=True, nogil=True, error_model="numpy")


class Index(NamedTuple):
    """The arrays of an index over s sessions of p products; `_starts` have one place more than what
    they divide.
    """

    session_starts: Integers  # (s + 1)
    session_products: Numbered  # oldest first, of the sessions oldest first
    posting_starts: Integers  # (p + 1)
    posting_sessions: Numbered  # newest first
    posting_places: npt.NDArray[np.int16]  # where in the session the product is last
    pair_starts: Integers  # (p + 1)
    pair_products: Numbered
    pair_values: Floats  # (pairs, PAIR_VALUES)
    facts: Floats  # (p, FACTS)
    category: Numbered  # (p) -1 where unknown
    seller: Numbered  # (p) -1 where unknown
    sold: npt.NDArray[np.bool_]  # (p)
    hashes: Hashes  # (p)
    trending: Numbered  # best first
    category_starts: Integers  # (categories + 1)
    category_trending: Numbered  # best first


@compiled
def _sessions_of_products(starts, products, count):  # type: ignore[no-untyped-def]
    """Return of each product its sessions, those with it more than once, its first and its last."""
    latest = np.full(count, -1, np.int64)
    again = np.full(count, -1, np.int64)
    first = np.full(count, -1, np.int64)
    sessions, repeats = np.zeros(count, np.int64), np.zeros(count, np.int64)
    for session in range(len(starts) - 1):
        for at in range(starts[session], starts[session + 1]):
            product = products[at]
            if latest[product] != session:
                latest[product] = session
                sessions[product] += 1
                if first[product] < 0:
                    first[product] = session
            elif again[product] != session:
                again[product] = session
                repeats[product] += 1
    return sessions, repeats, first, latest


@compiled
def _fill_postings(starts, products, posting_starts, sessions, places):  # type: ignore[no-untyped-def]
    free = posting_starts[:-1].copy()
    latest = np.full(len(free), -1, np.int64)
    for session in range(len(starts) - 2, -1, -1):
        for at in range(starts[session + 1] - 1, starts[session] - 1, -1):
            product = products[at]
            if latest[product] != session and free[product] < posting_starts[product + 1]:
                latest[product] = session
                sessions[free[product]] = session
                places[free[product]] = at - starts[session]
                free[product] += 1


@compiled
def _count_pair(sums, met, found, product, other, column, weight, recent):  # type: ignore[no-untyped-def]
    """Count one sighting of `other` near `product`, and return how many others it has."""
    if sums[other, PAIR_VALUES] != product + 1:
        sums[other, PAIR_VALUES] = product + 1
        met[found] = other
        found += 1
    sums[other, column] += weight
    if column == FORWARD:
        sums[other, RECENT] += weight * recent
        if weight == 1.0:
            sums[other, NEXT] += 1.0
    return found


@compiled
def _write_pairs(sums, met, found, most, clicks, written, products, values):  # type: ignore[no-untyped-def]
    """Write the strongest pairs of a product, empty its sums, and return how many are written."""
    strength = np.empty(found)
    for i in range(found):
        strength[i] = sums[met[i], FORWARD] + sums[met[i], BACKWARD]
    least = np.partition(strength, found - most)[found - most] if found > most else 0.0
    left = most
    for above in (True, False):  # those as strong as the last one that fits come in last
        for i in range(found):
            if left > 0 and (strength[i] > least if above else strength[i] == least):
                products[written] = met[i]
                for column in range(PAIR_VALUES):
                    values[written, column] = sums[met[i], column] / (clicks[column] + SMOOTHING)
                written += 1
                left -= 1
    for i in range(found):
        sums[met[i]] = 0.0
    return written


@compiled
def _fill_pairs(  # type: ignore[no-untyped-def]
    starts, products, session_of, order, order_starts, weights, pair_starts, pair_products, pair_values
):
    count = len(order_starts) - 1
    sums, met = np.zeros((count, PAIR_VALUES + 1)), np.zeros(count, np.int64)
    clicks = np.zeros(PAIR_VALUES)
    written = 0
    for product in range(count):
        found = 0
        clicks[:] = 0.0
        for place in range(max(order_starts[product], order_starts[product + 1] - OCCURRENCES), order_starts[product + 1]):
            at = order[place]
            session = session_of[at]
            first, end, recent = starts[session], starts[session + 1], weights[session]
            if at + 1 < end:
                clicks[NEXT] += 1.0
                clicks[RECENT] += recent
            if at > first:
                clicks[BACKWARD] += 1.0
            weight = 1.0
            for step in range(1, REACH + 1):
                if at + step < end:
                    found = _count_pair(sums, met, found, product, products[at + step], FORWARD, weight, recent)
                if at - step >= first:
                    found = _count_pair(sums, met, found, product, products[at - step], BACKWARD, weight, recent)
                weight *= STEP_DECAY
        clicks[FORWARD] = clicks[NEXT]
        written = _write_pairs(sums, met, found, PAIRS, clicks, written, pair_products, pair_values)
        pair_starts[product + 1] = written
    return written


def build_index(sessions: Sessions, catalogue: Catalogue, recency: float = 10.0) -> Index:
    """Return the index of sessions; `recency` is how steeply RECENT pairs count less with age: by
    its exponential over the whole time that the sessions cover.
    """
    starts, products = _trimmed(sessions)
    count = len(sessions.products)
    of_products = _sessions_of_products(starts, products, count)
    category, seller = _numbered(catalogue.category), _numbered(catalogue.seller)
    sold = np.array(catalogue.sold, np.bool_)
    facts, recent = _facts(starts, products, count, of_products)
    category_starts, category_trending = _by_category(category, recent, sold)
    return Index(
        starts,
        products,
        *_postings(starts, products, of_products[0]),
        *_pairs(starts, products, count, recency),
        facts,
        category,
        seller,
        sold,
        product_hashes(sessions.products),
        _best(recent, sold)[:TRENDING],
        category_starts,
        category_trending,
    )


def _trimmed(sessions: Sessions) -> tuple[Integers, Numbered]:
    """Return the sessions' newest LONGEST clicks."""
    lengths = np.diff(sessions.offsets)
    from_end = np.repeat(sessions.offsets[1:], lengths) - np.arange(len(sessions.items))
    return _starts(np.minimum(lengths, LONGEST)), np.ascontiguousarray(sessions.items[from_end <= LONGEST], np.int32)


def _starts(counts: Integers) -> Integers:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)])


def _postings(starts: Integers, products: Numbered, counts: Integers) -> tuple[Integers, Numbered, npt.NDArray[np.int16]]:
    posting_starts = _starts(np.minimum(counts, POSTINGS))
    sessions, places = np.zeros(posting_starts[-1], np.int32), np.zeros(posting_starts[-1], np.int16)
    _fill_postings(starts, products, posting_starts, sessions, places)
    return posting_starts, sessions, places


def _pairs(starts: Integers, products: Numbered, count: int, recency: float) -> tuple[Integers, Numbered, Floats]:
    order = np.argsort(products, kind="stable")
    clicks = np.bincount(products, minlength=count)
    session_of = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    weights = np.exp(-recency * ages(len(starts) - 1))
    most = int(np.minimum(np.minimum(clicks, OCCURRENCES) * 2 * REACH, PAIRS).sum())
    pair_starts = np.zeros(count + 1, np.int64)
    others, values = np.zeros(most, np.int32), np.zeros((most, PAIR_VALUES), np.float32)
    written = _fill_pairs(starts, products, session_of, order, _starts(clicks), weights, pair_starts, others, values)
    return pair_starts, others[:written].copy(), values[:written].copy()


def ages(sessions: int) -> npt.NDArray[np.float64]:
    """Return the age of each session: 0 of the newest, nearly 1 of the oldest."""
    return (sessions - 1 - np.arange(sessions)) / max(sessions, 1)


def _facts(
    starts: Integers, products: Numbered, count: int, of_products: tuple[Integers, Integers, Integers, Integers]
) -> tuple[Floats, npt.NDArray[np.float64]]:
    """Return what is known of the products, and how much each is trending."""
    sessions, repeats, first, latest = of_products
    total = max(len(starts) - 1, 1)
    clicks, new, recent, late = (
        np.bincount(products[starts[_newest(len(starts) - 1, share)] :], minlength=count)
        for share in (1.0, NEW_SHARE, RECENT_SHARE, LATE_SHARE)
    )
    facts = np.zeros((count, FACTS), np.float32)
    facts[:, POPULARITY], facts[:, RECENTLY], facts[:, LATELY] = np.log1p(clicks), np.log1p(new), np.log1p(late)
    facts[:, RISE] = np.log((new + 1) / (clicks * (new.sum() / max(clicks.sum(), 1)) + 1))
    facts[:, FIRST_SEEN] = np.where(first < 0, 0, (total - 1 - first) / total)
    facts[:, LAST_SEEN] = np.where(latest < 0, 1, (total - 1 - latest) / total)
    facts[:, REPEATS] = repeats / (sessions + SMOOTHING)
    facts[:, RARITY] = np.log((total + 1) / (sessions + 1)) / np.log(total + 2)
    return facts, recent + clicks / max(clicks.sum(), 1)


def _newest(sessions: int, share: float) -> int:
    """Return the first of the newest share of the sessions."""
    return sessions - min(sessions, max(int(sessions * share), LEAST_RECENT))


def _best(score: npt.NDArray[np.float64], eligible: npt.NDArray[np.bool_]) -> Numbered:
    """Return the eligible products with a score, best first."""
    order = np.argsort(-score, kind="stable")
    return order[eligible[order] & (score[order] > 0)].astype(np.int32)


def _by_category(category: Numbered, score: npt.NDArray[np.float64], sold: npt.NDArray[np.bool_]) -> tuple[Integers, Numbered]:
    categories = int(category.max(initial=-1)) + 1
    best = _best(score, sold & (category >= 0))
    best = best[np.argsort(category[best], kind="stable")]
    ranks = np.arange(len(best)) - np.searchsorted(category[best], category[best])
    best = best[ranks < TRENDING_IN_CATEGORY]
    return _starts(np.bincount(category[best], minlength=categories)), best


def words(texts: list[str]) -> list[str]:
    """Return the distinct texts that are not empty, in order."""
    return sorted(set(texts) - {""})


def _numbered(texts: list[str]) -> Numbered:
    """Return of each text its place in `words`, -1 of an empty one."""
    places = {text: place for place, text in enumerate(words(texts))}
    return np.array([places.get(text, -1) for text in texts], np.int32)
