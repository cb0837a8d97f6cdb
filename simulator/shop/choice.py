"""What a visitor looks at next: popular products of liked categories near the own price range, then
their neighbours; where clicks are recorded, of a few of these the one that is most to the visitor's
taste.
"""

from functools import cached_property

from simulator.shop.catalogue import Product
from simulator.shop.chance import cumulative
from simulator.shop.people import Person
from simulator.shop.promotions import Promotions
from simulator.shop.taste import Taste
from simulator.shop.visit import Visit
from simulator.shop.world import World

FAVOURITE = 0.35  # share of first looks that go to a favourite category
RELATED = 0.65  # share of later looks that go to a neighbour on the shelf
# Steps on the shelf: similar prices, dearer ones more often.
NEIGHBOURS = (1, 1, 1, 2, 2, 3, -1, -1, -2, 4)
GLANCES = 3  # products at which a visitor glances before looking at the best of them


class Choice:
    """Picks products for visitors."""

    def __init__(self, world: World, promotions: Promotions, taste: Taste) -> None:
        self._world, self._promotions, self._taste = world, promotions, taste
        self._chance = world.chance
        self._shelves = world.catalogue.shelves
        self._positions = world.catalogue.positions

    def next(self, visit: Visit, person: Person) -> Product:
        """Return the product a visitor turns to, from the one looked at now or from nowhere."""
        if visit.seller is not None:
            return self._of_seller(visit.seller)
        related = visit.product >= 0 and self._chance.random() < RELATED
        if visit.session_id is None or visit.payer is not None:
            return self.neighbour(visit.product) if related else self._liked(visit, person)
        glances = self._neighbours(visit.product) if related else self._popular(person)
        return self._world.catalogue.products[self._taste.best(person, glances, visit.taste)]

    def _neighbours(self, number: int) -> list[int]:
        return [self.neighbour(number).number for _ in range(GLANCES)]

    def _popular(self, person: Person) -> list[int]:
        shelf = self._shelves[self._category(person)]
        return [shelf.products[self._chance.pick(shelf.sums)].number for _ in range(GLANCES)]

    def neighbour(self, number: int) -> Product:
        """Return a product like this one."""
        product = self._world.catalogue.products[number]
        shelf = self._shelves[product.category].products
        step = NEIGHBOURS[self._chance.below(len(NEIGHBOURS))]
        return shelf[(self._positions[number] + step) % len(shelf)]

    def _liked(self, visit: Visit, person: Person) -> Product:
        """Return, of a few popular products of a category, the one whose price suits best."""
        shelf = self._shelves[self._category(person)]
        sought = visit.taste * len(shelf.products)
        best = self._chance.pick(shelf.sums)
        for _ in range(visit.care - 1):
            place = self._chance.pick(shelf.sums)
            if abs(place - sought) < abs(best - sought):
                best = place
        return shelf.products[best]

    def _category(self, person: Person) -> int:
        if self._chance.random() < FAVOURITE:
            return person.favourites[self._chance.below(len(person.favourites))]
        return self._chance.pick(self._promotions.category_sums)

    def _of_seller(self, seller: int) -> Product:
        products, sums = self._by_seller[seller]
        return products[self._chance.pick(sums)]

    @cached_property
    def _by_seller(self) -> list[tuple[list[Product], list[float]]]:
        by_seller: list[list[Product]] = [[] for _ in self._world.catalogue.sellers]
        for product in self._world.catalogue.products:
            by_seller[product.seller].append(product)
        return [(products, cumulative([product.weight for product in products])) for products in by_seller]
