"""Replays Olist's 99,441 real orders as events: every status, payment and review at its own
time of 2016 to 2018.

What the archive leaves open is decided here, the same way each time:

- versions follow an order's life (placed, approved, shipped, delivered) also where the archive's
  times contradict it;
- a status that was reached but has no time of its own (cancelled, unavailable, invoiced,
  processing, eight delivered) comes one second after the last time known of that order; a step on
  the way without a time is left out;
- a payment happens when its order is placed, a review when it was answered, else when it was asked
  for, else one second after the last time known of its order;
- orders without lines stay orders without lines; three payments keep the method `not_defined`.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from simulator.event import Event
from simulator.olist_archive import Frames, read_archive

Row = Any
SECOND = 1_000_000
CURRENCY = "BRL"
NOWHERE = (None, None)
STATUSES = {"created": "placed", "canceled": "cancelled"}  # Olist's word, where ours is another
STEPS = {
    "placed": "order_purchase_timestamp",
    "approved": "order_approved_at",
    "shipped": "order_delivered_carrier_date",
    "delivered": "order_delivered_customer_date",
}


@dataclass(frozen=True)
class Happening:
    """What happened at a time: an order's status, a payment or a review, and the row that holds
    it.
    """

    at: int
    kind: str
    row: Row
    status: str = ""
    version: int = 0


class OlistReplay:
    """The archive, ready to be replayed in order of time."""

    def __init__(self, frames: Frames) -> None:
        self._orders = {row.order_id: row for row in _rows(_orders(frames))}
        self._items = _items(frames)
        self._places = _places(frames)
        self._payments = _rows(frames.payments)
        self._reviews = _rows(frames.reviews)

    @classmethod
    def of(cls, archive: Path) -> "OlistReplay":
        """Read the archive; raises ArchiveError when it is not there or not Olist's."""
        return cls(read_archive(archive))

    def events(self) -> Iterator[Event]:
        """Yield every event in order of time."""
        make = {"order": self._order, "payment": self._payment, "review": self._review}
        for happening in sorted(self._everything(), key=lambda happening: happening.at):
            yield make[happening.kind](happening)

    def _everything(self) -> Iterator[Happening]:
        for row in self._orders.values():
            for version, (status, at) in enumerate(_life(row), start=1):
                yield Happening(at, "order", row, status, version)
        for row in self._payments:
            yield Happening(_micros(self._orders[row.order_id].order_purchase_timestamp), "payment", row)
        for row in self._reviews:
            yield Happening(self._review_at(row), "review", row)

    def _review_at(self, row: Row) -> int:
        known = [time for time in (row.review_answer_timestamp, row.review_creation_date) if not pd.isna(time)]
        return _micros(known[0]) if known else _life(self._orders[row.order_id])[-1][1] + SECOND

    def _order(self, happening: Happening) -> Event:
        row = happening.row
        record = {
            "event_id": f"olist-{row.order_id}-{happening.version}",
            "event_at": happening.at,
            "order_id": row.order_id,
            "version": happening.version,
            "status": happening.status,
            "customer_id": row.customer_unique_id,
            "customer_city": row.customer_city,
            "customer_state": row.customer_state,
            "session_id": None,
            "placed_at": _micros(row.order_purchase_timestamp),
            "estimated_delivery_at": _micros(row.order_estimated_delivery_date),
            "currency": CURRENCY,
            "items": self._items.get(row.order_id, []),
            "promotion_code": None,
        }
        return Event("shop.orders", row.order_id, happening.at, record)

    def _payment(self, happening: Happening) -> Event:
        row, order = happening.row, self._orders[happening.row.order_id]
        payment_id, card_id = f"{row.order_id}-{row.payment_sequential}", f"card-{order.customer_unique_id}"
        latitude, longitude = self._places.get(order.customer_zip_code_prefix, NOWHERE)
        record = {
            "event_id": f"olist-{payment_id}",
            "event_at": happening.at,
            "payment_id": payment_id,
            "order_id": row.order_id,
            "card_id": card_id,
            "customer_id": order.customer_unique_id,
            "seller_id": self._main_seller(row.order_id),
            "method": row.payment_type,
            "installments": max(1, row.payment_installments),
            "attempt_number": 1,
            "amount": _cents(row.payment_value),
            "currency": CURRENCY,
            "channel": "web",
            "device_id": "unknown",
            "country": "BR",
            "latitude": latitude,
            "longitude": longitude,
            "three_d_secure": None,
        }
        return Event("shop.payments", card_id, happening.at, record)

    def _review(self, happening: Happening) -> Event:
        row = happening.row
        record = {
            "event_id": f"olist-{row.review_id}-{row.order_id}",
            "event_at": happening.at,
            "review_id": row.review_id,
            "order_id": row.order_id,
            "score": row.review_score,
            "title": _text(row.review_comment_title),
            "comment": _text(row.review_comment_message),
        }
        return Event("shop.reviews", row.order_id, happening.at, record)

    def _main_seller(self, order_id: str) -> str:
        items = self._items.get(order_id)
        return str(max(items, key=lambda item: item["price"])["seller_id"]) if items else "unknown"


def _life(row: Row) -> list[tuple[str, int]]:
    """Return an order's statuses with their times, in the order of its life."""
    times = ((status, getattr(row, column)) for status, column in STEPS.items())
    life = [(status, _micros(time)) for status, time in times if not pd.isna(time)]
    final = STATUSES.get(row.order_status, row.order_status)
    if life[-1][0] != final:
        life.append((final, max(at for _, at in life) + SECOND))
    return life


def _rows(frame: pd.DataFrame) -> list[Row]:
    return list(frame.itertuples(index=False))


def _orders(frames: Frames) -> pd.DataFrame:
    return frames.orders.merge(frames.customers, on="customer_id", validate="one_to_one")


def _items(frames: Frames) -> dict[str, list[dict[str, Any]]]:
    lines = frames.items.merge(frames.products[["product_id", "category"]], on="product_id", validate="many_to_one")
    items: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in _rows(lines.sort_values(["order_id", "order_item_id"])):
        items[row.order_id].append(_item(row))
    return dict(items)


def _item(row: Row) -> dict[str, Any]:
    return {
        "item_number": row.order_item_id,
        "product_id": row.product_id,
        "seller_id": row.seller_id,
        "category": row.category,
        "quantity": 1,
        "price": _cents(row.price),
        "freight": _cents(row.freight_value),
    }


def _places(frames: Frames) -> dict[str, tuple[float | None, float | None]]:
    """Return the mean latitude and longitude of each postcode prefix."""
    means = frames.geolocation.groupby("geolocation_zip_code_prefix")[["geolocation_lat", "geolocation_lng"]].mean()
    return {str(row[0]): (row[1], row[2]) for row in means.itertuples()}


def _micros(time: pd.Timestamp) -> int:
    return time.value // 1_000


def _cents(amount: float) -> int:
    return round(amount * 100)


def _text(text: object) -> str | None:
    return text if isinstance(text, str) else None
