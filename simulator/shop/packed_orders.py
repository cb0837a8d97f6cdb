"""Orders under way as bytes: what was drawn by chance, and nothing that follows from it and the
catalogue.

An order of one line takes 41 bytes, where its record as Python objects takes three kilobytes.
"""

from struct import Struct
from typing import Any

from simulator.shop.catalogue import Catalogue
from simulator.shop.chance import DAY
from simulator.shop.order import CAMPAIGNS, Order, draft, item
from simulator.shop.people import customer, person_of
from simulator.shop.promotions import codes
from simulator.shop.slots import LOW, Packing
from simulator.shop.world import World

# Version and campaign; order, low and high part; names given since its session (0: not tracked);
# person, low and high part; placed at; days until delivery is promised; place; promotion code
# (0: none).
ORDER = Struct("<BIBIIbQHHH")
# Product and pieces, price, freight.
LINE = Struct("<III")
VERSIONS = 16


def packing(world: World) -> Packing:
    """Return how this shop's orders are packed, without what concerns attempts to pay."""
    packed = PackedOrders(world)
    return Packing(packed.pack, packed.unpack)


class PackedOrders:
    """Packs the orders of one shop; unpacked, they are what they were, but for what concerns their
    payment.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._catalogue: Catalogue = world.catalogue
        self._places = {(place.city, place.state): number for number, place in enumerate(world.catalogue.places)}
        self._codes: list[str | None] = [None, *codes(world.catalogue.categories)]
        self._code_numbers = {code: number for number, code in enumerate(self._codes)}

    def pack(self, order: Order) -> bytes:
        """Return an order as bytes."""
        if order.packed is None:
            order.packed = self._packed(order)
        campaign = 0 if order.campaign is None else 1 + CAMPAIGNS.index(order.campaign)
        return bytes((order.record["version"] + VERSIONS * campaign,)) + order.packed

    def _packed(self, order: Order) -> bytes:
        """Return what stays the same of an order."""
        record = order.record
        number, session_id = self._world.number(record["order_id"]), record["session_id"]
        person = person_of(record["customer_id"])
        head = ORDER.pack(
            0,
            number & LOW,
            number >> 32,
            number - self._world.number(session_id) if session_id else 0,
            person & LOW,
            person >> 32,
            record["placed_at"],
            record["estimated_delivery_at"] // DAY - record["placed_at"] // DAY,
            self._places[record["customer_city"], record["customer_state"]],
            self._code_numbers[record["promotion_code"]],
        )
        lines = zip(order.pieces, record["items"], strict=True)
        return head[1:] + b"".join(
            [LINE.pack(product << 8 | pieces, i["price"], i["freight"]) for (product, pieces), i in lines]
        )

    def unpack(self, packed: bytes) -> Order:
        """Return the order of these bytes."""
        marks, low, high, since, person, side, placed_at, days, place, code = ORDER.unpack_from(packed)
        number, catalogue = high << 32 | low, self._catalogue
        campaign, version = divmod(marks, VERSIONS)
        pieces: list[list[int]] = []
        items: list[dict[str, Any]] = []
        for position in range(ORDER.size, len(packed), LINE.size):
            goods, price, freight = LINE.unpack_from(packed, position)
            pieces.append([goods >> 8, goods & 0xFF])
            items.append(item(catalogue, len(pieces), catalogue.products[goods >> 8], goods & 0xFF, price, freight))
        record = draft(
            catalogue,
            self._world.called("order", number),
            customer(catalogue.tag, side << 32 | person),
            place,
            self._world.called("session", number - since) if since else None,
            placed_at,
            (placed_at // DAY + days) * DAY,
            items,
            self._codes[code],
        )
        record["version"] = version
        seller = catalogue.sellers[catalogue.products[pieces[0][0]].seller]
        same = seller.state == catalogue.places[place].state
        fraud = CAMPAIGNS[campaign - 1] if campaign else None
        return Order(record, {}, pieces, same, 0.0, fraud, packed=packed[1:])
