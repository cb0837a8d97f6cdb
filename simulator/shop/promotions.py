"""Promotions: a category sells below its price for a while, and more people want it."""

from typing import Any

from simulator.shop.catalogue import Product
from simulator.shop.chance import DAY, HOUR, cumulative
from simulator.shop.world import World

STARTS_EVERY = 16 * HOUR
LIFT = 4.0  # demand grows by this share for each share of the price given away (an assumption)
DISCOUNTS = (0.05, 0.10, 0.15, 0.20, 0.30)


def codes(categories: list[str]) -> list[str]:
    """Return every code that a promotion may have."""
    return [_code(category, discount) for category in categories for discount in DISCOUNTS]


def _code(category: str, discount: float) -> str:
    return f"{category.upper()}{round(discount * 100)}"


class Promotions:
    """Which categories are on promotion, at what discount and code, and how demand shifts towards
    them.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._active: dict[int, tuple[str, float]] = {}
        self._base = sum(world.catalogue.shares)
        self._weigh()
        world.agenda.knows("promotion.start", self.start)
        world.agenda.knows("promotion.end", self.end)

    def open(self, at: int) -> None:
        """Plan the first promotion."""
        self._world.agenda.plan(at + int(self._world.chance.random() * STARTS_EVERY), "promotion.start")

    def start(self, at: int, _: None) -> None:
        """Put a category on promotion, if it is not already, and plan the next."""
        chance, agenda = self._world.chance, self._world.agenda
        category = chance.pick(cumulative(self._world.catalogue.shares))
        if category not in self._active:
            discount = DISCOUNTS[chance.below(len(DISCOUNTS))]
            self._active[category] = (_code(self._world.catalogue.categories[category], discount), discount)
            self._weigh()
            agenda.plan(at + int(chance.between(0.5, 3) * DAY), "promotion.end", category)
        agenda.plan(at + int(chance.between(0.5, 1.5) * STARTS_EVERY), "promotion.start")

    def end(self, at: int, category: int) -> None:
        """Sell a category at its own price again."""
        del self._active[category]
        self._weigh()

    def _weigh(self) -> None:
        shares = self._world.catalogue.shares
        lifted = [share * (1 + LIFT * self._discount(c)) for c, share in enumerate(shares)]
        self.category_sums = cumulative(lifted)
        self.lift = sum(lifted) / self._base

    def _discount(self, category: int) -> float:
        return self._active[category][1] if category in self._active else 0.0

    def price(self, product: Product) -> int:
        """Return what one piece costs now, in cents."""
        if product.category not in self._active:
            return product.price
        return round(product.price * (1 - self._discount(product.category)))

    def code(self, category: int) -> str | None:
        """Return the code of the promotion the category is on, if any."""
        return self._active[category][0] if category in self._active else None

    def state(self) -> list[Any]:
        """Return what changes, as JSON can hold it."""
        return [[category, code, discount] for category, (code, discount) in self._active.items()]

    def resume(self, state: list[Any]) -> None:
        """Go on from a saved `state`."""
        self._active = {category: (code, discount) for category, code, discount in state}
        self._weigh()
