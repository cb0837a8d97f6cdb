"""Payments as Arrow columns become the fold's records, with unknown values as NaN and stable hashes."""

import math
from datetime import UTC, datetime
from decimal import Decimal

import pyarrow as pa

from pipelines.features.payment_records import cards, hashed, records, sellers

SCHEMA = pa.schema(
    {
        **dict.fromkeys(
            ("event_id", "card_id", "seller_id", "device_id", "country", "currency", "method", "channel"), pa.string()
        ),
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
    first, second = records(pa.Table.from_pylist(rows, SCHEMA))
    assert first["at_us"] == 1_767_225_600_000_000
    assert (first["amount"], first["installments"], first["attempt_number"]) == (12.34, 3, 2)
    assert (first["credit_card"], first["debit_card"], first["app"]) == (1, 0, 1)
    assert math.isnan(first["latitude"])
    assert first["longitude"] == -46.6
    assert math.isnan(first["three_d_secure"])
    assert (second["credit_card"], second["app"], second["three_d_secure"]) == (0, 0, 1)
    assert first["event"] != second["event"]
    assert first["device"] == second["device"]
    assert first["currency"] == hashed(pa.chunked_array([["currency-1"]]))[0]


def test_a_hash_is_the_same_in_every_release_because_states_outlive_processes():
    assert hashed(pa.chunked_array([["card-1", ""]])).tolist() == [15570983376144822759, 1760245841805064774]


def test_cards_are_numbered_as_they_come():
    table = pa.Table.from_pylist([payment(card_id=c) for c in ("b", "a", "b")], SCHEMA)
    names, index = cards(pa.concat_tables([table[:1], table[1:]]))
    assert [names[i] for i in index] == ["b", "a", "b"]
    assert len(names) == 2


def test_sellers_are_numbered_as_they_come():
    table = pa.Table.from_pylist([payment(seller_id=s) for s in ("y", "x", "y")], SCHEMA)
    names, index = sellers(table)
    assert [names[i] for i in index] == ["y", "x", "y"]
