"""Turns payments as Arrow columns (silver.payments' names and types) into what the folds take:
records (PAYMENT), numbered by their cards, devices and sellers.

What stands for no id (`no_id` says so) is nobody's: it has the number NOBODY and the hash 0, and
is not among the Keys.
"""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.base.arrays import Integers, Numbers, Records
from pipelines.base.ids import NOBODY, Numbered, hashed, numbered
from pipelines.base.placeholders import NoId
from pipelines.fraud.features.labels import Findings

PAYMENT = np.dtype(
    [
        ("at_us", "i8"),
        ("event", "u8"),
        ("amount", "f8"),
        ("card", "u8"),
        ("customer", "u8"),
        ("seller", "u8"),
        ("device", "u8"),
        ("country", "u8"),
        ("currency", "u8"),
        ("latitude", "f8"),
        ("longitude", "f8"),
        ("installments", "f4"),
        ("attempt_number", "f4"),
        ("credit_card", "f4"),
        ("debit_card", "f4"),
        ("app", "f4"),
        ("three_d_secure", "f4"),
    ],
    align=True,
)

COLUMNS = (
    "event_id",
    "event_at",
    "card_id",
    "customer_id",
    "seller_id",
    "device_id",
    "country",
    "amount",
    "currency",
    "installments",
    "attempt_number",
    "method",
    "channel",
    "latitude",
    "longitude",
    "three_d_secure",
)

# What of a PAYMENT record is made from which column: hashes of texts (0 where an id is none),
# numbers as they are, whether a text is a certain one.
IDS = {"card": "card_id", "customer": "customer_id", "seller": "seller_id", "device": "device_id"}
HASHES = {"event": "event_id", "country": "country", "currency": "currency"}
NUMBERS = ("amount", "latitude", "longitude", "installments", "attempt_number")
EQUALS = {"credit_card": ("method", "credit_card"), "debit_card": ("method", "debit_card"), "app": ("channel", "app")}
FLAGS = ("three_d_secure",)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


class Keys(NamedTuple):
    """Whose states payments need: the ids of their cards, devices and sellers, in this order,
    without those that are no id.
    """

    cards: Sequence[str]
    devices: Sequence[str]
    sellers: Sequence[str]


class Payments(NamedTuple):
    """Payments in order of arrival (n, PAYMENT), and for each the number of its card, device and
    seller among the Keys (n each), NOBODY where it has none.
    """

    records: Records
    card: Integers
    device: Integers
    seller: Integers


# The number of the only card, device or seller, and where there is none.
FIRST, NONE = np.zeros(1, np.int64), np.full(1, NOBODY)


def _numbers(values: pa.ChunkedArray) -> Numbers:
    """Return the values as floats, NaN where there is none."""
    numbers: Numbers = pc.fill_null(pc.cast(values, pa.float64()), np.nan).to_numpy()
    return numbers


def _flags(values: pa.ChunkedArray) -> Numbers:
    return _numbers(pc.cast(values, pa.int8()))


def _microseconds(moments: pa.ChunkedArray) -> Integers:
    whole: Integers = pc.cast(pc.cast(moments, pa.timestamp("us", "UTC")), pa.int64()).to_numpy()
    return whole


def findings(payments: pa.Table) -> Findings:
    """Return what the bank found of `payments`, whose column `findings` lists (found_at, fraud)."""
    listed = payments["findings"].combine_chunks()
    each = pc.list_flatten(listed)
    found_at, fraud = pa.chunked_array([pc.struct_field(each, "found_at")]), pc.struct_field(each, "fraud")
    return Findings(pc.list_parent_indices(listed).to_numpy(), _microseconds(found_at), _flags(pa.chunked_array([fraud])) > 0)


def sales(payments: pa.Table) -> Records:
    """Return PAYMENT records with what the seller fold takes of payments: when, and how much."""
    made = np.zeros(len(payments), PAYMENT)
    made["at_us"], made["amount"] = _microseconds(payments["event_at"]), _numbers(payments["amount"])
    return made


def keyed(payments: pa.Table, no_id: NoId) -> tuple[Keys, Payments]:
    """Return the payments as the folds take them, and whose states they need: each card, device and
    seller once. The table has COLUMNS.
    """
    ids = _ids(payments, no_id)
    card, device, seller = (ids[name] for name in ("card", "device", "seller"))
    numbered = Payments(_records(payments, ids), card.number, device.number, seller.number)
    return Keys(card.ids, device.ids, seller.ids), numbered


def keyed_one(payment: Mapping[str, Any], no_id: NoId) -> tuple[Keys, Payments]:
    """Return what `keyed` returns of one payment, given as `record` takes it."""
    ids = [[] if no_id(payment[IDS[name]]) else [payment[IDS[name]]] for name in ("card", "device", "seller")]
    return Keys(*ids), Payments(record(payment, no_id), *(FIRST if each else NONE for each in ids))


def records(payments: pa.Table, no_id: NoId) -> Records:
    """Return one PAYMENT record per row of `payments`, which has COLUMNS."""
    return _records(payments, _ids(payments, no_id))


def _ids(payments: pa.Table, no_id: NoId) -> dict[str, Numbered]:
    return {name: numbered(payments[column], no_id) for name, column in IDS.items()}


def _records(payments: pa.Table, ids: Mapping[str, Numbered]) -> Records:
    made = np.zeros(len(payments), PAYMENT)
    made["at_us"] = _microseconds(payments["event_at"])
    for name, each in ids.items():
        made[name] = each.hashes
    for name, column in HASHES.items():
        made[name] = hashed(payments[column].to_numpy())
    for name in NUMBERS:
        made[name] = _numbers(payments[name])
    for name, (column, text) in EQUALS.items():
        made[name] = _flags(pc.equal(payments[column], text))
    for name in FLAGS:
        made[name] = _flags(payments[name])
    return made


def record(payment: Mapping[str, Any], no_id: NoId) -> Records:
    """Return what `records` makes of one payment (1), without making columns of it first, which
    takes ten times as long.

    Values are of Python's types: an aware datetime, a Decimal with cents, numbers, texts and flags;
    None where there is none.
    """
    columns = {**IDS, **HASHES}
    texts = np.array([payment[column] for column in columns.values()], object)
    values = {
        "at_us": (payment["event_at"] - EPOCH) // MICROSECOND,
        **dict(zip(columns, hashed(texts), strict=True)),
        **{name: 0 for name, column in IDS.items() if no_id(payment[column])},
        **{name: _number(payment[name]) for name in (*NUMBERS, *FLAGS)},
        **{name: payment[column] == text for name, (column, text) in EQUALS.items()},
    }
    return np.array([tuple(values[name] for name in PAYMENT.names or ())], PAYMENT)


def _number(value: Decimal | float | None) -> float:
    """Return the value as `_numbers` does: Arrow multiplies cents, so its float is not always the
    one that Python chooses.
    """
    if isinstance(value, Decimal):
        return int(value.scaleb(2)) * 0.01
    return math.nan if value is None else value


def cards(payments: pa.Table, no_id: NoId) -> tuple[list[str], Integers]:
    """Return the distinct cards of `payments` and, per row, which of them paid, NOBODY for none."""
    return numbered(payments["card_id"], no_id)[:2]


def sellers(payments: pa.Table, no_id: NoId) -> tuple[list[str], Integers]:
    """Return the distinct sellers of `payments` and, per row, which of them was paid, NOBODY for
    none.
    """
    return numbered(payments["seller_id"], no_id)[:2]


def devices(payments: pa.Table, no_id: NoId) -> tuple[list[str], Integers]:
    """Return the distinct devices of `payments` and, per row, which of them paid, NOBODY for
    none.
    """
    return numbered(payments["device_id"], no_id)[:2]
