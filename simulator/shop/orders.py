"""The life of an order: placed, paid, approved, shipped, delivered, reviewed; or cancelled on the
way.
"""

from collections import deque
from typing import Any

from simulator.shop.agenda import Action
from simulator.shop.catalogue import Product
from simulator.shop.chance import DAY, at_quantile
from simulator.shop.order import Order, draft, item
from simulator.shop.packed_orders import packing
from simulator.shop.payments import CARDS, Payer, Payments, soon
from simulator.shop.reviews import Reviews
from simulator.shop.stock import Stock
from simulator.shop.world import World

ATTEMPTS = 3
PERSISTENT = 0.85  # share of declined payments that are tried again
RETURNED = 0.03  # share of delivered orders that come back (an assumption: Olist does not tell)
RECENT = 4_000  # payments remembered for whoever skims a seller's checkout

# Product, price of one piece in cents, pieces, promotion code.
Line = tuple[Product, int, int, str | None]


class Orders:
    """Places orders and leads each through its life, one planned step at a time."""

    def __init__(self, world: World, stock: Stock, payments: Payments, reviews: Reviews) -> None:
        self._world, self._stock, self._payments, self._reviews = world, stock, payments, reviews
        self.recent: deque[tuple[int, int]] = deque(maxlen=RECENT)
        world.agenda.knows("order.pay", self.pay, Order)
        packed = packing(world)
        for step in (self.approve, self.ship, self.deliver, self.cancel, self.give_up, self.send_back):
            world.agenda.knows(f"order.{step.__name__}", step, Order, packed)

    def place(self, at: int, person: int, session_id: str | None, payer: Payer, lines: list[Line]) -> None:
        """Place an order for `lines` that are in stock, take them out of it, and plan the
        payment.
        """
        order_id = self._world.name("order")
        place = self._world.catalogue.places[payer.place]
        seller = self._world.catalogue.sellers[lines[0][0].seller]
        same = seller.state == place.state
        record = draft(
            self._world.catalogue,
            order_id,
            payer.customer_id,
            payer.place,
            session_id,
            at,
            self._promised(at, same),
            [self._item(number, line, same) for number, line in enumerate(lines, 1)],
            next((line[3] for line in lines if line[3]), None),
        )
        declined = payer.declined if payer.method in CARDS else 0.0
        pieces = [[line[0].number, line[2]] for line in lines]
        order = Order(record, self._payments.request(record, payer), pieces, same, declined, payer.campaign)
        self._advance(at, order, "placed")
        for product, _, count, _ in lines:
            self._stock.sell(at, product, count, order_id)
        if payer.campaign is None:
            self.recent.append((person, lines[0][0].seller))
        self._plan(at + soon(self._world.chance, 2, 20), self.pay, order)

    def _promised(self, at: int, same: bool) -> int:
        days = self._world.chance.quantile(self._world.figures.delays.promise.where(same))
        return (at + int(days * DAY)) // DAY * DAY + DAY

    def _item(self, number: int, line: Line, same: bool) -> dict[str, Any]:
        product, price, pieces, _ = line
        chance = self._world.chance
        bulk = product.bulk if chance.random() < 0.7 else chance.random()
        freight = int(at_quantile(self._world.figures.freight.where(same), bulk))
        return item(self._world.catalogue, number, product, pieces, price, freight)

    def _plan(self, at: int, step: Action, order: Order) -> None:
        self._world.agenda.plan(at, f"order.{step.__name__}", order)

    def _after_days(self, at: int, quantiles: list[float]) -> int:
        return at + int(self._world.chance.quantile(quantiles) * DAY)

    def _advance(self, at: int, order: Order, status: str) -> None:
        """Publish the order's next version."""
        event_id, version = self._world.name("change"), order.record["version"] + 1
        order.record = {**order.record, "event_id": event_id, "event_at": at, "version": version, "status": status}
        self._world.publish("shop.orders", order.record["order_id"], at, order.record)

    def pay(self, at: int, order: Order) -> None:
        """Try to pay; a declined payment is tried again a little later, or the order given up."""
        chance, delays = self._world.chance, self._world.figures.delays
        if self._payments.attempt(at, order):
            self._plan(self._after_days(at, delays.approval[order.payment["method"]]), self.approve, order)
        elif order.attempts < ATTEMPTS and chance.random() < PERSISTENT:
            self._plan(at + soon(chance, 15, 240), self.pay, order)
        else:
            self._plan(at + soon(chance, 60, 1800), self.cancel, order)

    def approve(self, at: int, order: Order) -> None:
        """Approve a paid order and plan whether it ships, is cancelled, or turns out not to be
        had.
        """
        self._advance(at, order, "approved")
        figures, luck = self._world.figures, self._world.chance.random()
        later = self._after_days(at, figures.delays.carrier)
        if luck < figures.orders.cancelled:
            self._plan(later, self.cancel, order)
        elif luck < figures.orders.cancelled + figures.orders.unavailable:
            self._plan(later, self.give_up, order)
        else:
            self._plan(later, self.ship, order)

    def ship(self, at: int, order: Order) -> None:
        """Hand the order to the carrier."""
        self._advance(at, order, "shipped")
        self._plan(self._after_days(at, self._world.figures.delays.transport.where(order.same_state)), self.deliver, order)

    def deliver(self, at: int, order: Order) -> None:
        """Deliver; honest customers then review, and a few send the goods back."""
        self._advance(at, order, "delivered")
        if order.campaign is not None:
            return
        self._reviews.expect(at, order.record)
        if self._world.chance.random() < RETURNED:
            self._plan(at + int(self._world.chance.between(2, 14) * DAY), self.send_back, order)

    def cancel(self, at: int, order: Order) -> None:
        """Cancel, and put the goods back."""
        self._advance(at, order, "cancelled")
        self.send_back(at, order)

    def give_up(self, at: int, order: Order) -> None:
        """Find that the seller cannot ship: the goods are not there, so nothing goes back on the
        shelf.
        """
        self._advance(at, order, "unavailable")

    def send_back(self, at: int, order: Order) -> None:
        """Put an order's goods back on the shelf."""
        for number, pieces in order.pieces:
            self._stock.take_back(at, number, pieces, order.record["order_id"])

    def state(self) -> list[Any]:
        """Return what changes, as JSON can hold it."""
        return [list(sale) for sale in self.recent]

    def resume(self, state: list[Any]) -> None:
        """Go on from a saved `state`."""
        self.recent = deque(((person, seller) for person, seller in state), RECENT)
