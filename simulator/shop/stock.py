"""Stock of every product: sales take it, deliveries with lead times bring it back, counts correct
it, none is below 0.
"""

import math
from typing import Any

from simulator.shop.catalogue import Product
from simulator.shop.chance import DAY, Chance
from simulator.shop.world import World

PIECES_PER_ORDER = 1.19  # lines times pieces, from the fitted shares
CORRECTIONS_PER_SALE = 0.004


class Stock:
    """Levels and the policy behind them: order up to a level when the position falls to the reorder
    point.

    Each product covers its expected demand over the lead time more or less generously, so some run
    out often.
    """

    def __init__(self, world: World, orders_per_s: float) -> None:
        self._world = world
        products = world.catalogue.products
        chance = Chance(f"stock {world.seed}")
        self._generosity = [chance.spread(1.3, 0.35) for _ in products]
        self._levels = [0] * len(products)
        self._coming = [0] * len(products)
        self.expect(orders_per_s)
        world.agenda.knows("stock.restock", self.restock)
        world.agenda.knows("stock.count", self.count)
        world.agenda.knows("stock.prepare", self.prepare)

    def expect(self, orders_per_s: float) -> None:
        """Set reorder points and order-up-to levels for a demand of `orders_per_s`."""
        self._daily_sales = orders_per_s * PIECES_PER_ORDER * DAY / 1_000_000
        total = sum(self._world.catalogue.shares)
        self._reorder, self._up_to = [], []
        for product, generosity in zip(self._world.catalogue.products, self._generosity, strict=True):
            daily = self._daily_sales * product.weight / total
            lead = self._lead_days(product)
            self._reorder.append(math.ceil(daily * lead * generosity))
            self._up_to.append(math.ceil(daily * (lead + 4) * generosity) + 2)

    def _lead_days(self, product: Product) -> float:
        return self._world.catalogue.sellers[product.seller].lead_days

    def open(self, at: int) -> None:
        """Count the opening stock of every product in, and plan deliveries and counts as if the
        shop had long been open.
        """
        for product in self._world.catalogue.products:
            level = self._long_run_level(product)
            if level > 0:
                self._move(at, product, "correction", level, None)
            self._watch(at, product)

    def prepare(self, at: int, _: None) -> None:
        """Deliver what a busier shop needs: products below their reorder point get the stock of a
        shop long open.
        """
        for product in self._world.catalogue.products:
            number = product.number
            missing = self._long_run_level(product) - self._levels[number]
            if self._levels[number] + self._coming[number] <= self._reorder[number] and missing > 0:
                self._move(at, product, "restock", missing, None)
            self._watch(at, product)

    def _long_run_level(self, product: Product) -> int:
        """Levels of such a policy lie evenly between what is left when a delivery comes and the
        level ordered up to.
        """
        up_to = self._up_to[product.number]
        left = max(self._reorder[product.number] - int(self._reorder[product.number] / self._generosity[product.number]), 0)
        return left + self._world.chance.below(up_to - left + 1)

    def has(self, product: Product, pieces: int = 1) -> bool:
        """Tell whether so many pieces can be sold."""
        return self._levels[product.number] >= pieces

    def sell(self, at: int, product: Product, pieces: int, order_id: str) -> None:
        """Take pieces out for an order and order more when few are left; only what `has` says is
        there can be sold.
        """
        self._move(at, product, "sale", -pieces, order_id)
        self._watch(at, product)

    def take_back(self, at: int, product_id: int, pieces: int, order_id: str) -> None:
        """Put pieces of an order back on the shelf."""
        self._move(at, self._world.catalogue.products[product_id], "return", pieces, order_id)

    def _watch(self, at: int, product: Product) -> None:
        number = product.number
        position = self._levels[number] + self._coming[number]
        if position <= self._reorder[number]:
            pieces = self._up_to[number] - position
            self._coming[number] += pieces
            days = self._lead_days(product) * self._world.chance.between(0.5, 1.7)
            self._world.agenda.plan(at + int(days * DAY), "stock.restock", [number, pieces])

    def restock(self, at: int, delivery: list[int]) -> None:
        """Bring a delivery in."""
        number, pieces = delivery
        self._coming[number] -= pieces
        self._move(at, self._world.catalogue.products[number], "restock", pieces, None)

    def count(self, at: int, _: None) -> None:
        """Correct a product's level by a piece that was lost or found."""
        chance = self._world.chance
        product = self._world.catalogue.products[chance.below(len(self._levels))]
        lost = self._levels[product.number] > 0 and chance.random() < 0.7
        self._move(at, product, "correction", -1 if lost else 1, None)
        self._watch(at, product)
        self.expect_count(at)

    def expect_count(self, at: int) -> None:
        """Plan the next count."""
        self._world.agenda.plan(at + self._world.chance.wait(self._daily_sales * CORRECTIONS_PER_SALE / 86_400), "stock.count")

    def _move(self, at: int, product: Product, kind: str, quantity: int, order_id: str | None) -> None:
        self._levels[product.number] += quantity
        record = {
            "event_id": self._world.name("movement"),
            "event_at": at,
            "product_id": product.product_id,
            "seller_id": self._world.catalogue.sellers[product.seller].seller_id,
            "kind": kind,
            "quantity": quantity,
            "order_id": order_id,
        }
        self._world.publish("shop.inventory", product.product_id, at, record)

    def state(self) -> dict[str, Any]:
        """Return what changes, as JSON can hold it."""
        return {"levels": list(self._levels), "coming": list(self._coming)}

    def resume(self, state: dict[str, Any]) -> None:
        """Go on from a saved `state`."""
        self._levels, self._coming = list(state["levels"]), list(state["coming"])
