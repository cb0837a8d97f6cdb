"""gold.orders: amounts add up, and merging changes in any cut and order gives each order's latest
state.
"""

from decimal import Decimal
from typing import Any

import pytest
from builders import NOON, an_item, an_order, at
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import DataFrame, SparkSession

from pipelines.gold import orders
from pipelines.lake import catalog
from pipelines.lake.merge import merge_into
from pipelines.silver import orders as changes

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


def states(rows: DataFrame) -> set[tuple[str, int, str]]:
    return {(row["order_id"], row["version"], row["status"]) for row in rows.collect()}


STATUSES = ("placed", "approved", "shipped", "delivered")
change = st.tuples(st.sampled_from("abc"), st.integers(1, 4))
batches = st.lists(st.lists(change, min_size=1, max_size=6), min_size=1, max_size=3)


@settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches)
def test_merging_any_cut_in_any_order_gives_the_latest_state(
    spark: SparkSession, merged: str, cut: list[list[tuple[str, int]]]
) -> None:
    spark.sql(f"TRUNCATE TABLE {merged}")
    for batch in [*cut, cut[0]]:  # the first batch comes once more: that changes nothing
        events = [an_order(order_id=id_, version=version, status=STATUSES[version - 1]) for id_, version in batch]
        merge_into(orders.aggregate(silver(spark, *events)), orders.TABLE)

    latest: dict[str, int] = {}
    for id_, version in (change for batch in cut for change in batch):
        latest[id_] = max(version, latest.get(id_, 0))
    assert states(spark.table(merged)) == {(id_, version, STATUSES[version - 1]) for id_, version in latest.items()}
    assert spark.table(merged).count() == len(latest)


def test_updated_at_is_the_latest_change(spark: SparkSession) -> None:
    [row] = orders.aggregate(silver(spark, an_order(event_at=at(60), version=2, status="approved"))).collect()
    assert (row["updated_at"], row["placed_at"]) == (at(60).replace(tzinfo=None), NOON.replace(tzinfo=None))
