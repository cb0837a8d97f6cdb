"""What people like, which no record tells: products lie in a space of style, and so do people.

An ideal-point model (C. Coombs, A Theory of Data, 1964): a person likes a product the more, the
nearer its style is to their own, on a torus, so that no product is better than another by its
place. Price range and favourite categories, which people have anyhow, count as well, and so does
how popular a product is. Everything follows from the shop's catalogue and the person's number:
nothing is stored, and a snapshot holds none of it.
"""

import math
from collections.abc import Sequence
from functools import cached_property

from simulator.shop.catalogue import Catalogue
from simulator.shop.people import Person, sixteen

# Mean and deviation of the squared distance of two points in the unit torus of three dimensions.
FAR, SPREAD = 1 / 4, math.sqrt(3 * (1 / 80 - 1 / 144))
# How much the parts of a liking count, in deviations of style (assumptions).
DEAR, FAVOURITE, POPULAR = 1.0, 0.5, 0.25


class Taste:
    """How much each person likes each product of a catalogue."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def liking(self, person: Person, number: int, sought: float) -> float:
        """Return how much a person likes a product, in deviations of style around 0: at most about
        three; `sought` is the place on a category's price range that they look for now, 0 to 1.
        """
        x, y, z = person.style
        a, b, c = self._styles[number]
        x, y, z = abs(x - a), abs(y - b), abs(z - c)
        x, y, z = min(x, 1 - x), min(y, 1 - y), min(z, 1 - z)
        liking = (FAR - x * x - y * y - z * z) / SPREAD + self._appeal[number]
        if self._catalogue.products[number].category in person.favourites:
            liking += FAVOURITE
        return liking - DEAR * abs(self._places[number] - sought)

    def best(self, person: Person, numbers: Sequence[int], sought: float) -> int:
        """Return the product, of a few, that a person likes most."""
        return max(numbers, key=lambda number: self.liking(person, number, sought))

    @cached_property
    def _styles(self) -> list[tuple[float, ...]]:
        """Where each product lies in the unit cube, by its number."""
        tag = self._catalogue.tag
        return [tuple(sixteen(f"style {tag} {product.number}")[:3]) for product in self._catalogue.products]

    @cached_property
    def _places(self) -> list[float]:
        """Each product's place on its shelf, from the cheapest, 0, to the dearest, 1."""
        lengths = [len(shelf.products) for shelf in self._catalogue.shelves]
        places = zip(self._catalogue.products, self._catalogue.positions, strict=True)
        return [(place + 0.5) / lengths[product.category] for product, place in places]

    @cached_property
    def _appeal(self) -> list[float]:
        """What a product's popularity adds to how much anybody likes it: in deviations of the
        logarithm of its demand.
        """
        logs = [math.log(product.weight) for product in self._catalogue.products]
        mean = sum(logs) / len(logs)
        spread = math.sqrt(sum((log - mean) ** 2 for log in logs) / len(logs)) or 1.0
        return [POPULAR * (log - mean) / spread for log in logs]
