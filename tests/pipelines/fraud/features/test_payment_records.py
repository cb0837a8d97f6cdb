"""Payments as Arrow columns become the fold's records, with unknown values as NaN and stable
hashes.
"""

import math
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ids import NO_ID, PLACEHOLDERS

from pipelines.fraud.features.payment_records import NOBODY, cards, devices, hashed, keyed, keyed_one, record, records, sellers

SCHEMA = pa.schema(
    {
        **dict.fromkeys(("event_id", "card_id", "customer_id", "seller_id", "device_id"), pa.string()),
        **dict.fromkeys(("country", "currency", "method", "channel"), pa.string()),
        "event_at": pa.timestamp("us", "UTC"),
        "amount": pa.decimal128(12, 2),
        **dict.fromkeys(("installments", "attempt_number"), pa.int32()),
        **dict.fromkeys(("latitude", "longitude"), pa.float64()),
        "three_d_secure": pa.bool_(),
    }
)


def payment(**changes: object) -> dict[str, object]:
    """Build one payment with defaults."""
    made: dict[str, object] = {name: f"{name}-1" for name in SCHEMA.names}
    made |= {"event_at": datetime(2026, 1, 1, tzinfo=UTC), "amount": Decimal("12.34"), "installments": 3, "attempt_number": 2}
    return (
        made
        | {"method": "credit_card", "channel": "app", "latitude": None, "longitude": -46.6, "three_d_secure": None}
        | changes
    )


def test_columns_become_records():
    rows = [payment(), payment(method="boleto", channel="web", three_d_secure=True, event_id="event_id-2")]
    first, second = records(pa.Table.from_pylist(rows, SCHEMA), NO_ID)
    assert first["at_us"] == 1_767_225_600_000_000
    assert (first["amount"], first["installments"], first["attempt_number"]) == (12.34, 3, 2)
    assert (first["credit_card"], first["debit_card"], first["app"]) == (1, 0, 1)
    assert math.isnan(first["latitude"])
    assert first["longitude"] == -46.6
    assert math.isnan(first["three_d_secure"])
    assert (second["credit_card"], second["app"], second["three_d_secure"]) == (0, 0, 1)
    assert first["event"] != second["event"]
    assert first["device"] == second["device"]
    assert first["card"] == hashed(np.array(["card_id-1"], object))[0]
    assert first["customer"] == hashed(np.array(["customer_id-1"], object))[0]
    assert first["currency"] == hashed(np.array(["currency-1"], object))[0]


def test_a_hash_is_the_same_in_every_release_because_states_outlive_processes():
    assert hashed(np.array(["card-1", ""], object)).tolist() == [15570983376144822759, 1760245841805064774]


def test_cards_are_numbered_as_they_come():
    table = pa.Table.from_pylist([payment(card_id=c) for c in ("b", "a", "b")], SCHEMA)
    names, index = cards(pa.concat_tables([table[:1], table[1:]]), NO_ID)
    assert [names[i] for i in index] == ["b", "a", "b"]
    assert len(names) == 2


def test_sellers_are_numbered_as_they_come():
    table = pa.Table.from_pylist([payment(seller_id=s) for s in ("y", "x", "y")], SCHEMA)
    names, index = sellers(table, NO_ID)
    assert [names[i] for i in index] == ["y", "x", "y"]


def test_devices_are_numbered_as_they_come():
    table = pa.Table.from_pylist([payment(device_id=d) for d in ("q", "p", "q")], SCHEMA)
    names, index = devices(table, NO_ID)
    assert [names[i] for i in index] == ["q", "p", "q"]


def test_what_is_no_id_is_nobodys_whichever_kind_it_is():
    kinds = ("card_id", "customer_id", "seller_id", "device_id")
    ids = ["x", "undefined", "y", " NULL", "x", "0000-0000"]
    table = pa.Table.from_pylist([payment(**dict.fromkeys(kinds, each)) for each in ids], SCHEMA)
    keys, payments = keyed(table, NO_ID)
    assert keys == (["x", "y"],) * 3
    assert [numbers.tolist() for numbers in payments[1:]] == [[0, NOBODY, 1, NOBODY, 0, NOBODY]] * 3
    for kind in ("card", "customer", "seller", "device"):
        assert [bool(each) for each in payments.records[kind]] == [True, False, True, False, True, False]


@pytest.mark.parametrize("of", ["card_id", "seller_id", "device_id"])
def test_one_payment_without_an_id_is_numbered_as_among_many(of: str):
    made = payment(**{of: "guest"})
    (keys, one), (of_many, many) = keyed_one(made, NO_ID), keyed(pa.Table.from_pylist([made], SCHEMA), NO_ID)
    assert keys == of_many
    assert [each.tolist() for each in one[1:]] == [each.tolist() for each in many[1:]]
    assert one.records.tobytes() == many.records.tobytes()


def test_each_distinct_id_is_looked_at_once():
    looked_at: list[str] = []
    cards(pa.Table.from_pylist([payment(card_id=each) for each in "abab"], SCHEMA), lambda text: bool(looked_at.append(text)))
    assert looked_at == ["a", "b"]


def test_a_method_that_is_new_to_us_is_any_other():
    rows = [payment(method=method) for method in ("pix", "PayPal", "gift card", "boleto")]
    made = records(pa.Table.from_pylist(rows, SCHEMA), NO_ID)
    assert len({each.tobytes() for each in made}) == 1
    assert (made["credit_card"].any(), made["debit_card"].any()) == (False, False)


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | st.sampled_from(PLACEHOLDERS)
SMALL = st.integers(0, 2**31 - 1)
ANY_PAYMENT = st.fixed_dictionaries(
    {
        **dict.fromkeys(("event_id", "card_id", "customer_id", "seller_id", "device_id", "country", "currency"), TEXTS),
        "method": st.sampled_from(["credit_card", "debit_card", "boleto", "voucher"]) | TEXTS,
        "channel": st.sampled_from(["web", "app"]) | TEXTS,
        "event_at": st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),
        "amount": st.decimals(0, Decimal("9999999999.99"), places=2),
        **dict.fromkeys(("installments", "attempt_number"), SMALL),
        **dict.fromkeys(("latitude", "longitude"), st.none() | st.floats(-180, 180)),
        "three_d_secure": st.none() | st.booleans(),
    }
)


@settings(max_examples=500)
@given(ANY_PAYMENT)
def test_one_payment_alone_becomes_the_very_record_that_it_becomes_among_many(made: dict[str, Any]):
    (among_many,) = records(pa.Table.from_pylist([payment(), made], SCHEMA), NO_ID)[1:]
    assert record(made, NO_ID).tobytes() == among_many.tobytes()
