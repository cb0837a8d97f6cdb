"""What an operator may decide of refused events: the time of arrival where a clock was wrong, and
an id of their own.
"""

import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from builders import NOON, a_contract, a_review, an_order, at, framed, kafka_records
from extreme_records import bare, raw
from fastavro import parse_schema, schemaless_writer
from pyspark.sql import SparkSession

from pipelines.silver import orders, quarantine, reviews
from pipelines.silver.corrections import at_arrival, with_own_id
from pipelines.silver.refining import refine

ORDERS, REVIEWS = "shop.orders", "shop.reviews"
SECOND = 1_000_000
ARRIVED_US = round(NOON.timestamp()) * SECOND
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def corrected(spark: SparkSession, *events: dict[str, Any]) -> list[dict[str, Any]]:
    """Orders that arrived at noon, as silver takes them at their arrival, times as microseconds."""
    records = kafka_records(spark, ORDERS, [framed(ORDERS, event) for event in events])
    rows = refine(records, a_contract(ORDERS), orders, at_arrival(orders))
    times = [f"unix_micros({name}) AS {name}" for name in ("event_at", "placed_at", "estimated_delivery_at")]
    return [row.asDict() for row in rows.selectExpr("kafka_offset", "event_at_given_us", *times).collect()]


def us(moment: datetime) -> int:
    return round((moment - EPOCH) / timedelta(microseconds=1))


@pytest.mark.parametrize("given", [at(601), at(7200), NOON + timedelta(days=365), datetime(1970, 1, 2, tzinfo=UTC)])
def test_an_event_whose_clock_was_wrong_happened_when_it_arrived(spark: SparkSession, given: datetime) -> None:
    [row] = corrected(spark, an_order(event_at=given))
    assert (row["event_at"], row["event_at_given_us"]) == (ARRIVED_US, us(given))
    assert row["placed_at"] == ARRIVED_US, "a time that is in its bounds stays"


def test_what_silver_takes_as_it_is_stays_as_it_is(spark: SparkSession) -> None:
    [row] = corrected(spark, an_order(event_at=at(-3600), placed_at=at(-7200)))
    assert (row["event_at"], row["event_at_given_us"], row["placed_at"]) == (us(at(-3600)), None, us(at(-7200)))


def test_other_times_of_that_clock_that_are_out_of_bounds_are_moved_by_as_much(spark: SparkSession) -> None:
    placed, given = EPOCH + timedelta(days=3), EPOCH + timedelta(days=3, seconds=90)
    [row] = corrected(spark, an_order(event_at=given, placed_at=placed, estimated_delivery_at=placed + timedelta(days=9)))
    assert row["placed_at"] == ARRIVED_US - 90 * SECOND
    assert row["estimated_delivery_at"] == us(at(-90) + timedelta(days=9))


def test_a_time_that_is_ahead_with_its_clock_is_moved_by_as_much(spark: SparkSession) -> None:
    promised = at(9 * 86_400)
    [row] = corrected(spark, an_order(event_at=at(7200), placed_at=at(7110), estimated_delivery_at=promised))
    assert (row["event_at"], row["placed_at"], row["estimated_delivery_at"]) == (ARRIVED_US, us(at(-90)), us(promised))


@pytest.mark.parametrize("time_us", [-(2**63), 2**63 - 1, 253_402_300_800 * SECOND, ARRIVED_US * 1000])
def test_times_beyond_all_calendars_can_come_back(spark: SparkSession, time_us: int) -> None:
    contract = a_contract(ORDERS)
    event = {**raw(an_order()), "event_at": time_us, "placed_at": time_us}
    body = io.BytesIO()
    schemaless_writer(body, parse_schema(bare(json.loads(contract.reader))), event)
    records = kafka_records(spark, ORDERS, [b"\0\0\0\0" + bytes([len(contract.writers)]) + body.getvalue()])
    [row] = refine(records, contract, orders, at_arrival(orders)).collect()
    assert row["event_at_given_us"] == time_us
    assert row["event_at"] == row["placed_at"] == NOON.replace(tzinfo=None)


def test_another_rule_that_is_broken_refuses_it_still(spark: SparkSession) -> None:
    records = kafka_records(spark, ORDERS, [framed(ORDERS, an_order(event_at=at(7200), version=0)), b"no event", None])
    refused = quarantine.refuse(records, {ORDERS: a_contract(ORDERS)}, [orders], at_arrival(orders))
    reasons = {row["offset"]: row["reason"] for row in refused.collect()}
    assert reasons == {0: "broken_rule:version_from_1", 1: "no_schema_header", 2: "tombstone"}
    assert refine(records, a_contract(ORDERS), orders, at_arrival(orders)).count() == 0


def test_an_event_with_an_id_of_its_own_names_its_place(spark: SparkSession) -> None:
    records = kafka_records(spark, REVIEWS, [framed(REVIEWS, a_review(event_id="e")), b"no event"], offset=41)
    [row] = refine(records, a_contract(REVIEWS), reviews, with_own_id).collect()
    assert (row["event_id"], row["event_at_given_us"]) == ("e#0-41", None)
