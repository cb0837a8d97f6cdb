"""Products picked from the candidates by the business rules, filled up with what is trending.

All the compiled code is in this file, because Numba's cache notices changes per file.
"""

from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from pipelines.recommendations.model.lists import (
    BOUGHT_OR_IN_CART,
    CO_OCCURRENCE,
    IN_CATEGORY,
    IN_SHOP,
    NEXT,
    NOT_SOLD,
    OUT_OF_STOCK,
    SELLER_SHARE,
    SESSION,
    TOGETHER,
    TRENDING,
    TRENDING_IN_CATEGORY,
    Hashes,
)

LEAST_NEIGHBOURS = 3  # with fewer like it a session is not followed: its products' pairs are
NO_RULE = -1

compiled = numba.njit(cache=True, nogil=True, error_model="numpy")


class Limits(NamedTuple):
    """The business rules over a model's numbers."""

    most_of_a_seller: int
    repeats: npt.NDArray[np.bool_]  # (categories) whether its products are bought again and again
    unavailable: Hashes  # sorted


@compiled
def _broken_rule(index, limits, held, picked, count, product):  # type: ignore[no-untyped-def]
    """Return the rule that leaves a product out, NO_RULE where none does."""
    identity, category, seller = index.hashes[product], index.category[product], index.seller[product]
    if category < 0 or not limits.repeats[category]:
        for i in range(len(held)):
            if held[i] == identity:
                return BOUGHT_OR_IN_CART
    if not index.sold[product]:
        return NOT_SOLD
    at = np.searchsorted(limits.unavailable, identity)
    if at < len(limits.unavailable) and limits.unavailable[at] == identity:
        return OUT_OF_STOCK
    of_seller = 0
    for i in range(count):
        of_seller += 1 if seller >= 0 and index.seller[picked[i]] == seller else 0
    return SELLER_SHARE if of_seller >= limits.most_of_a_seller and seller >= 0 else NO_RULE


@compiled
def _fill(index, limits, held, last, source, reason, seen, lists, count):  # type: ignore[no-untyped-def]
    """Fill a list from a source, best first, and return how long it is then and how many products
    were looked at.
    """
    products, reasons, left_out = lists[0], lists[2], lists[4]
    looked_at, considered = seen
    for i in range(len(source)):
        product = source[i]
        if count == len(products) or considered == len(looked_at):
            break
        if product == last or (looked_at[:considered] == product).any():
            continue
        looked_at[considered] = product
        considered += 1
        rule = _broken_rule(index, limits, held, products, count, product)
        if rule == NO_RULE:
            products[count], reasons[count] = product, reason
            count += 1
        else:
            left_out[rule] += 1
    return count, considered


@compiled
def _explain(candidates, row, place, last, lists, count):  # type: ignore[no-untyped-def]
    """Write the reason of a picked candidate."""
    reasons, because = lists[2], lists[3]
    if candidates.follows[row, place]:
        reasons[count], because[count] = NEXT, last
    else:
        reasons[count] = TOGETHER
        because[count] = candidates.because[row, place] if candidates.because[row, place] >= 0 else last


@compiled
def _shares(margins, learned):  # type: ignore[no-untyped-def]
    """Return the share of each candidate in all that speaks for any: learned margins are logarithms
    of it.
    """
    shares = np.exp(margins - margins.max()) if learned else margins.copy()
    total = 0.0
    for share in shares:
        total += share
    return shares / np.float32(max(total, 1e-9))


@compiled
def _pick_candidates(index, limits, held, last, candidates, row, learned, looked_at, lists):  # type: ignore[no-untyped-def]
    """Pick from the candidates, best first, by the rules; the product that is looked at is none.

    Return how long the list is, and how many products were looked at.
    """
    products, scores, left_out = lists[0], lists[1], lists[4]
    found = candidates.counts[row]
    shares = _shares(candidates.margins[row, :found], learned)
    count = considered = 0
    for place in range(found):
        product = candidates.products[row, place]
        if count == len(products):
            break
        if product == last:
            continue
        looked_at[considered] = product
        considered += 1
        rule = _broken_rule(index, limits, held, products, count, product)
        if rule == NO_RULE:
            products[count], scores[count] = product, shares[place]
            _explain(candidates, row, place, last, lists, count)
            count += 1
        else:
            left_out[rule] += 1
    return count, considered


@compiled
def _pick_trending(index, limits, held, query, looked_at, considered, lists, count, first):  # type: ignore[no-untyped-def]
    """Fill the rest of a list with what is trending, first in the category that was looked at last;
    return where the first product of the list comes from: `first` where it has one already.
    """
    last = query[len(query) - 1] if len(query) else -1
    category = -1
    for i in range(len(query)):
        category = index.category[query[i]] if index.category[query[i]] >= 0 else category
    fallback = first if count else TRENDING
    if category >= 0:
        source = index.category_trending[index.category_starts[category] : index.category_starts[category + 1]]
        before = count
        count, considered = _fill(index, limits, held, last, source, IN_CATEGORY, (looked_at, considered), lists, count)
        if count and not before:
            fallback = TRENDING_IN_CATEGORY
    _fill(index, limits, held, last, index.trending, IN_SHOP, (looked_at, considered), lists, count)
    return fallback


@compiled
def pick(index, limits, held, clicks, candidates, learned, looked_at, lists):  # type: ignore[no-untyped-def]
    """Write the list of each of n sessions into its row of `lists`, the fields of Lists.

    `held` (n, h) are hashes of products in the cart or bought, `clicks` (n, m) products, oldest
    first, those below 0 none; `looked_at` is room for all products that one list may consider.
    """
    products, scores, reasons, because, fallback, left_out = lists
    query = np.empty(clicks.shape[1], np.int32)
    for row in range(len(clicks)):
        length = 0
        for product in clicks[row]:
            if product >= 0:
                query[length] = product
                length += 1
        one = (products[row], scores[row], reasons[row], because[row], left_out[row])
        count = considered = 0
        if candidates.counts[row]:
            last = query[length - 1]
            count, considered = _pick_candidates(index, limits, held[row], last, candidates, row, learned, looked_at, one)
        first = SESSION if candidates.neighbours[row] >= LEAST_NEIGHBOURS else CO_OCCURRENCE
        fallback[row] = _pick_trending(index, limits, held[row], query[:length], looked_at, considered, one, count, first)
