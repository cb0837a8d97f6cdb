"""business_metrics, seller_activity, stock_levels and fraud_scores: their numbers, computed by
hand.
"""

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from builders import a_click, a_movement, a_score, an_item, an_order, at
from pyspark.sql import DataFrame, SparkSession

from pipelines.gold import business_metrics, fraud_scores, seller_activity, stock_levels
from pipelines.silver import clicks, inventory, orders
from pipelines.silver import fraud_scores as scores
from pipelines.table import Table

DAY = "1 day"


def silver(spark: SparkSession, table: Table, *events: dict[str, Any]) -> DataFrame:
    fields = [column for column in table.columns if not column.name.startswith("kafka_")]
    schema = ", ".join(f"{column.name} {column.type}" for column in fields)
    return spark.createDataFrame([tuple(event[column.name] for column in fields) for event in events], schema)


def test_a_minute_counts_orders_gmv_sessions_and_conversion(spark: SparkSession) -> None:
    placed = silver(
        spark,
        orders.TABLE,
        an_order(event_at=at(1), items=[an_item(quantity=2)]),
        an_order(event_at=at(59), items=[an_item(price=Decimal("5.01"))]),
        an_order(event_at=at(30), status="shipped", version=3),
        an_order(event_at=at(60)),
    )
    visits = silver(
        spark,
        clicks.TABLE,
        *(a_click(event_at=at(second), session_id=f"v{second}") for second in (0, 10, 20, 59)),
        a_click(event_at=at(21), position=2),
        a_click(event_at=at(125)),
    )

    rows = {row["minute"]: row for row in business_metrics.aggregate(placed, visits, DAY).collect()}

    found = [
        tuple(
            rows[at(start).replace(tzinfo=None)][name]
            for name in ("orders", "gmv", "average_order_value", "sessions", "conversion")
        )
        for start in (0, 60, 120)
    ]
    assert found == [
        (2, Decimal("25.01"), Decimal("12.51"), 4, 0.5),
        (1, Decimal("10.00"), Decimal("10.00"), 0, None),
        (0, Decimal("0.00"), None, 1, 0.0),
    ]


def test_a_late_order_counts_however_far_the_clicks_are_ahead(spark: SparkSession, tmp_path: Path) -> None:
    counted: dict[datetime, int] = {}

    def arrive(table: Table, event: dict[str, Any]) -> None:
        silver(spark, table, event).write.mode("append").parquet(str(tmp_path / table.name))

    def arriving(table: Table) -> DataFrame:
        folder = str(tmp_path / table.name)
        return spark.readStream.schema(spark.read.parquet(folder).schema).parquet(folder)

    def note(batch: DataFrame, batch_id: int) -> None:
        counted.update({row["minute"]: row["orders"] for row in batch.collect()})

    arrive(orders.TABLE, an_order(event_at=at(0)))
    arrive(clicks.TABLE, a_click(event_at=at(2 * 86_400)))
    metrics = business_metrics.aggregate(arriving(orders.TABLE), arriving(clicks.TABLE), DAY)
    writer = metrics.writeStream.outputMode("update").foreachBatch(note)
    query = writer.option("checkpointLocation", str(tmp_path / "checkpoint")).start()
    try:
        query.processAllAvailable()
        arrive(orders.TABLE, an_order(event_at=at(1), order_id="o2", event_id="e2"))
        query.processAllAvailable()
    finally:
        query.stop()
    assert counted[at(0).replace(tzinfo=None)] == 2


@pytest.mark.parametrize("number", [None, 1, 0])
def test_a_seller_s_window_counts_an_order_once_however_many_lines_it_has(spark: SparkSession, number: int | None) -> None:
    """`number`: that of every line, where its shop does not number them."""
    lines = [an_item(), an_item(item_number=2, quantity=2), an_item(item_number=3, seller_id="s2", price=Decimal("1.50"))]
    lines = [{**line, "item_number": line["item_number"] if number is None else number} for line in lines]
    placed = silver(
        spark,
        orders.TABLE,
        an_order(event_at=at(299), items=lines),
        an_order(event_at=at(0)),
        an_order(event_at=at(300)),
        an_order(event_at=at(10), status="cancelled", version=2),
    )

    rows = seller_activity.aggregate(placed, DAY).collect()

    found = {(row["seller_id"], row["window_start"]): (row["orders"], row["items"], row["gmv"]) for row in rows}
    first, second = at(0).replace(tzinfo=None), at(300).replace(tzinfo=None)
    assert found == {
        ("s1", first): (2, 4, Decimal("40.00")),
        ("s2", first): (1, 1, Decimal("1.50")),
        ("s1", second): (1, 1, Decimal("10.00")),
    }
    assert {row["window_end"] for row in rows} == {second, at(600).replace(tzinfo=None)}


def test_stock_is_the_sum_of_its_movements(spark: SparkSession) -> None:
    movements = silver(
        spark,
        inventory.TABLE,
        a_movement(quantity=10, event_at=at(0)),
        a_movement(kind="sale", quantity=-3, event_at=at(5), order_id="o1"),
        a_movement(kind="return", quantity=1, event_at=at(9), order_id="o1"),
        a_movement(kind="correction", quantity=-1, event_at=at(2)),
        a_movement(product_id="p2", kind="sale", quantity=-1, order_id="o2"),
    )

    rows = {row["product_id"]: row for row in stock_levels.aggregate(movements).collect()}

    one, other = rows["p1"], rows["p2"]
    assert (one["on_hand"], one["sold"]) == (7, 3)
    assert (one["last_movement_at"], one["last_restock_at"]) == (at(9).replace(tzinfo=None), at(0).replace(tzinfo=None))
    assert (other["on_hand"], other["sold"], other["last_restock_at"]) == (-1, 1, None)


@pytest.mark.parametrize("seconds", [0.2, 12.5])
def test_latency_is_from_payment_to_score(spark: SparkSession, seconds: float) -> None:
    [row] = fraud_scores.aggregate(silver(spark, scores.TABLE, a_score(scored_at=at(seconds)))).collect()
    assert row["latency_ms"] == seconds * 1000
    assert row.__fields__ == fraud_scores.TABLE.column_names
