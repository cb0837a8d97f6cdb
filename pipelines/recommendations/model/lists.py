"""What a recommendation is: lists of products with the reason of each, and the rules that left some
out.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pipelines.base.arrays import Floats
from pipelines.recommendations.model.sessions import Numbered

# Where the first product of a list comes from, best first.
FALLBACKS = ("session", "co_occurrence", "trending_in_category", "trending")
SESSION, CO_OCCURRENCE, TRENDING_IN_CATEGORY, TRENDING = range(4)

REASONS = ("seen together with {product}", "next after {product}", "trending in {category}", "trending")
TOGETHER, NEXT, IN_CATEGORY, IN_SHOP = range(4)

RULES = ("bought_or_in_cart", "out_of_stock", "not_sold", "seller_share")
BOUGHT_OR_IN_CART, OUT_OF_STOCK, NOT_SOLD, SELLER_SHARE = range(4)

Hashes = npt.NDArray[np.uint64]
Codes = npt.NDArray[np.uint8]


class Rules(NamedTuple):
    """What no list may hold: more products than this of one seller, what is in the cart or was just
    bought unless its category is one of repeat buys, and what is unavailable.
    """

    most_of_a_seller: int = 3
    repeat_categories: frozenset[str] = frozenset()
    unavailable: Hashes = np.zeros(0, np.uint64)  # sorted hashes of products that are out of stock


class Lists(NamedTuple):
    """A list of at most k products for each of n sessions, best first; unused places hold -1."""

    products: Numbered  # (n, k) by their place in the model's vocabulary
    scores: Floats  # (n, k) share of what speaks for it, 0 where it is only trending
    reasons: Codes  # (n, k) places in REASONS
    because: Numbered  # (n, k) the product that the reason names, -1 for none
    fallback: Codes  # (n) places in FALLBACKS
    left_out: npt.NDArray[np.uint16]  # (n, len(RULES)) products that each rule left out


def no_lists(count: int, places: int) -> Lists:
    """Return `count` empty lists."""
    return Lists(
        np.full((count, places), -1, np.int32),
        np.zeros((count, places), np.float32),
        np.full((count, places), IN_SHOP, np.uint8),
        np.full((count, places), -1, np.int32),
        np.full(count, TRENDING, np.uint8),
        np.zeros((count, len(RULES)), np.uint16),
    )
