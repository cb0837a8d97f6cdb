"""What a recommender is built from: past sessions as flat arrays, and the catalogue of their
products.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pipelines.base.arrays import Integers

Numbered = npt.NDArray[np.int32]  # products by their place in a vocabulary


class Sessions(NamedTuple):
    """Sessions ordered by their end: session s has the places offsets[s] to offsets[s + 1] of
    `items`, its products oldest first.
    """

    products: list[str]  # the vocabulary: distinct product ids
    offsets: Integers  # (sessions + 1)
    items: Numbered  # of each click its product
    at_us: Integers  # of each click, microseconds since 1970
    actions: npt.NDArray[np.uint8]  # of each click, the codes of features/session.py

    @property
    def count(self) -> int:  # type: ignore[override]
        """How many sessions there are."""
        return len(self.offsets) - 1

    def between(self, first: int, end: int) -> "Sessions":
        """Return the sessions from place `first` to before place `end`, with the whole
        vocabulary.
        """
        clicks = slice(int(self.offsets[first]), int(self.offsets[end]))
        offsets = self.offsets[first : end + 1] - self.offsets[first]
        return Sessions(self.products, offsets, self.items[clicks], self.at_us[clicks], self.actions[clicks])


class Catalogue(NamedTuple):
    """What the shop knows of each product of a vocabulary."""

    category: list[str]  # '' where unknown
    seller: list[str]  # '' where unknown
    sold: npt.NDArray[np.bool_]  # False where the shop does not sell it any more

    @classmethod
    def unknown(cls, products: int) -> "Catalogue":
        """Return a catalogue that knows nothing of `products` products, all of them sold."""
        return cls([""] * products, [""] * products, np.ones(products, np.bool_))
