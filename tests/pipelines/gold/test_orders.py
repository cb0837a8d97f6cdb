"""gold.orders: amounts add up, and merging changes in any cut and order gives each order's latest
state.
"""

import hashlib
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from builders import NOON, an_item, an_order, at
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from scan_metrics import scanned

from pipelines.gold import orders
from pipelines.lake import catalog, compaction, iceberg, layout
from pipelines.lake.merge import merge_into, near
from pipelines.silver import orders as changes
from pipelines.table import Merge, Table

FIELDS = [column for column in changes.TABLE.columns if not column.name.startswith("kafka_")]
SCHEMA = ", ".join(f"{column.name} {column.type}" for column in FIELDS)


def silver(spark: SparkSession, *events: dict[str, Any]) -> DataFrame:
    rows = [tuple(event[column.name] for column in FIELDS) for event in events]
    return spark.createDataFrame(rows, SCHEMA)


def test_amounts_and_pieces_add_up(spark: SparkSession) -> None:
    items = [an_item(quantity=3), an_item(item_number=2, price=Decimal("0.99"), freight=Decimal("0.01"))]
    [row] = orders.aggregate(silver(spark, an_order(items=items))).collect()
    found = (row["items_count"], row["goods_amount"], row["freight_amount"], row["amount"])
    assert found == (4, Decimal("30.99"), Decimal("2.01"), Decimal("33.00"))


def test_a_discount_is_taken_off_and_is_no_piece(spark: SparkSession) -> None:
    discount = an_item(item_number=2, product_id="voucher", price=Decimal("-4.00"), freight=Decimal("0.00"))
    [row] = orders.aggregate(silver(spark, an_order(items=[an_item(quantity=3), discount]))).collect()
    assert (row["items_count"], row["goods_amount"]) == (3, Decimal("26.00"))


def test_what_is_taken_back_is_taken_off(spark: SparkSession) -> None:
    [row] = orders.aggregate(
        silver(spark, an_order(items=[an_item(quantity=3), an_item(item_number=2, quantity=-1)]))
    ).collect()
    assert (row["items_count"], row["goods_amount"]) == (2, Decimal("20.00"))


def test_an_order_without_lines_is_worth_nothing(spark: SparkSession) -> None:
    [row] = orders.aggregate(silver(spark, an_order(items=[], status="unavailable"))).collect()
    assert (row["items_count"], row["amount"]) == (0, Decimal("0.00"))


@pytest.fixture
def merged(spark: SparkSession, own_settings: object) -> str:
    spark.sql(f"DROP TABLE IF EXISTS {orders.TABLE.name}")
    catalog.ensure(spark, orders.TABLE)
    return orders.TABLE.name


STATUSES = ("placed", "approved", "shipped", "delivered")
# The edges of a month, and years between: no producer should change when an order was placed.
MOMENTS = [
    datetime.fromisoformat(f"{text}+00:00")
    for text in (
        "2024-02-29T23:59:59.999999",
        "2024-03-01T00:00:00",
        "2026-11-22T12:00:00",
        "2026-12-31T23:59:59.999999",
    )
]
change = st.tuples(st.sampled_from("abc"), st.integers(1, 4), st.sampled_from(MOMENTS), st.sampled_from(MOMENTS), st.uuids())
batches = st.lists(st.lists(change, min_size=1, max_size=6), min_size=1, max_size=3)
Change = tuple[str, int, datetime, datetime, UUID]


def event(of: Change) -> dict[str, Any]:
    """Return the event of a change, each with content of its own."""
    id_, version, placed_at, event_at, event_id = of
    state = {"order_id": id_, "version": version, "status": STATUSES[version - 1], "customer_city": event_id.hex}
    return an_order(event_id=str(event_id), event_at=event_at, placed_at=placed_at, **state)


def rows(frame: DataFrame) -> list[str]:
    return sorted(map(str, frame.collect()))


@settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches)
def test_merging_any_cut_in_any_order_gives_what_all_changes_at_once_give(
    spark: SparkSession, merged: str, cut: list[list[Change]]
) -> None:
    spark.sql(f"TRUNCATE TABLE {merged}")
    for batch in [*cut, cut[0]]:  # the first batch comes once more: that changes nothing
        merge_into(orders.aggregate(silver(spark, *map(event, batch))), orders.TABLE)

    every = [change for batch in cut for change in batch]
    newest = {change[0]: max((each for each in every if each[0] == change[0]), key=newness) for change in every}
    found = catalog.fresh(spark, orders.TABLE)
    assert rows(found) == rows(orders.aggregate(silver(spark, *map(event, newest.values()))))


def newness(of: Change) -> tuple[int, datetime, str]:
    _, version, _, event_at, event_id = of
    return version, event_at, str(event_id)


def test_two_events_of_one_version_give_the_same_row_wherever_a_batch_ends(spark: SparkSession, merged: str) -> None:
    first, second = (an_order(event_id=event_id, customer_city=event_id) for event_id in ("e1", "e2"))
    for cut in ([first, second],), ([first], [second]), ([second], [first]):
        spark.sql(f"TRUNCATE TABLE {merged}")
        for batch in cut:
            merge_into(orders.aggregate(silver(spark, *batch)), orders.TABLE)
        assert [row["customer_city"] for row in catalog.fresh(spark, orders.TABLE).collect()] == ["e2"]


def test_of_files_in_which_an_order_is_not_no_row_is_read(spark: SparkSession, merged: str) -> None:
    known = orders.aggregate(silver(spark, an_order()))
    many = spark.range(0, 20_000, 1, 1).selectExpr("sha1(CAST(id AS STRING)) AS made_id").crossJoin(known)
    many.withColumn("order_id", F.col("made_id")).drop("made_id").writeTo(merged).append()
    assert read_of(spark, hashlib.sha1(b"7").hexdigest()) == 20_000  # noqa: S324 - an id, not a secret
    assert read_of(spark, hashlib.sha1(b"20000").hexdigest()) == 0  # noqa: S324


def read_of(spark: SparkSession, order_id: str) -> int:
    """Return how many rows of the table are read where a batch has this order."""
    [may_hold] = near(spark.createDataFrame([(order_id,)], "order_id STRING"), orders.TABLE) or []
    return scanned(catalog.fresh(spark, orders.TABLE).filter(may_hold), "numOutputRows")


@pytest.fixture
def as_it_was(spark: SparkSession, merged: str) -> Table:
    """The table as earlier code made it: without partitions and the column of the event."""
    spark.sql(f"DROP TABLE {merged}")
    before = {name: value for name, value in orders.TABLE.properties.items() if "bloom" not in name}
    columns = tuple(column for column in orders.TABLE.columns if column.name != "event_id")
    earlier = replace(orders.TABLE, columns=columns, partitioning=(), properties=before, written=Merge(newest_by=("version",)))
    catalog.ensure(spark, earlier)
    return earlier


def test_a_table_of_the_earlier_layout_goes_on_and_is_rewritten_once(spark: SparkSession, as_it_was: Table) -> None:
    old = [an_order(order_id=id_, placed_at=placed_at) for id_, placed_at in zip("abc", MOMENTS, strict=False)]
    merge_into(orders.aggregate(silver(spark, *old)), as_it_was)

    catalog.ensure(spark, orders.TABLE)
    layout.evolve(spark, orders.TABLE)
    layout.evolve(spark, orders.TABLE)  # again changes nothing
    new = [an_order(order_id="a", version=2, event_id="e2"), an_order(order_id="d", placed_at=MOMENTS[3])]
    merge_into(orders.aggregate(silver(spark, *new)), orders.TABLE)
    expected = {("a", 2, "e2"), ("b", 1, None), ("c", 1, None), ("d", 1, "e1")}

    def found() -> set[tuple[str, int, str | None]]:
        there = catalog.fresh(spark, orders.TABLE).select("order_id", "version", "event_id")
        return {(row["order_id"], row["version"], row["event_id"]) for row in there.collect()}

    assert found() == expected
    assert layout.is_old(iceberg.loaded(spark, orders.TABLE))
    compaction.compact(spark, orders.TABLE)
    assert not layout.is_old(iceberg.loaded(spark, orders.TABLE))
    assert found() == expected
    assert compaction.compact(spark, orders.TABLE) == 0, "all of it is rewritten once"
    assert iceberg.loaded(spark, orders.TABLE).properties()["write.parquet.bloom-filter-enabled.column.order_id"] == "true"


def test_updated_at_is_the_latest_change(spark: SparkSession) -> None:
    [row] = orders.aggregate(silver(spark, an_order(event_at=at(60), version=2, status="approved"))).collect()
    assert (row["updated_at"], row["placed_at"]) == (at(60).replace(tzinfo=None), NOON.replace(tzinfo=None))
