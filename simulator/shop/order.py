"""An order under way, as plain data that the snapshot can hold, and its record."""

from dataclasses import dataclass, field
from typing import Any

from simulator.shop.catalogue import Catalogue, Product
from simulator.shop.world import CURRENCY

# The frauds there are, in the order in which packed orders number them.
CAMPAIGNS = ("card_testing", "stolen_card", "compromised_seller", "account_takeover")


@dataclass(slots=True)
class Order:
    """Latest record, what is still to be paid, and which stock it holds.

    `payment` is the part of the payment record that all attempts share; `declined` the odds that an
    attempt is declined; `campaign` names the fraud behind the order, if there is one; `pieces`
    pairs product numbers with pieces taken. What concerns attempts (`payment`, `declined`,
    `attempts`) is empty once no more are made and the order was packed; `packed` is then what stays
    the same of it from version to version.
    """

    record: dict[str, Any]
    payment: dict[str, Any]
    pieces: list[list[int]]
    same_state: bool
    declined: float
    campaign: str | None
    attempts: int = 0
    packed: bytes | None = field(default=None, compare=False)


def draft(
    catalogue: Catalogue,
    order_id: str,
    customer_id: str,
    place: int,
    session_id: str | None,
    placed_at: int,
    promised_at: int,
    items: list[dict[str, Any]],
    code: str | None,
) -> dict[str, Any]:
    """Return an order's record without what changes with each version."""
    home = catalogue.places[place]
    return {
        "event_id": "",
        "event_at": placed_at,
        "order_id": order_id,
        "version": 0,
        "status": "",
        "customer_id": customer_id,
        "customer_city": home.city,
        "customer_state": home.state,
        "session_id": session_id,
        "placed_at": placed_at,
        "estimated_delivery_at": promised_at,
        "currency": CURRENCY,
        "items": items,
        "promotion_code": code,
    }


def item(catalogue: Catalogue, number: int, product: Product, pieces: int, price: int, freight: int) -> dict[str, Any]:
    """Return line `number` of an order's record; price of one piece and freight in cents."""
    return {
        "item_number": number,
        "product_id": product.product_id,
        "seller_id": catalogue.sellers[product.seller].seller_id,
        "category": catalogue.categories[product.category],
        "quantity": pieces,
        "price": price,
        "freight": freight,
    }
