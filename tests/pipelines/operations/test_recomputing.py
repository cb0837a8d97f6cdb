"""A gold table is recomputed from all of silver, each event once, and replaced as a whole."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from builders import NOON, a_movement, a_score, an_item, an_order
from number_tables import run
from pyspark.sql import DataFrame, SparkSession

from jobs.streams import aggregate
from pipelines.base.errors import TableInUse
from pipelines.gold import fraud_scores, orders, stock_levels
from pipelines.gold.aggregating import Gold
from pipelines.lake import catalog
from pipelines.operations import recomputing
from pipelines.operations.recomputing import recompute
from pipelines.silver import fraud_scores as scores
from pipelines.silver import inventory
from pipelines.silver import orders as changes
from pipelines.table import Table

TABLES = (inventory.TABLE, stock_levels.TABLE, scores.TABLE, fraud_scores.TABLE, changes.TABLE, orders.TABLE)


@pytest.fixture(autouse=True)
def _new_tables(spark: SparkSession, own_settings: Path) -> Iterator[None]:
    for table in TABLES:
        spark.sql(f"DROP TABLE IF EXISTS {table.name}")
        catalog.ensure(spark, table)
    yield
    for table in TABLES:
        spark.sql(f"DROP TABLE {table.name}")


def append(spark: SparkSession, table: Table, *events: dict[str, Any]) -> None:
    """Append events to a silver table, one offset after the other."""
    rows = [{**event, "kafka_partition": 0, "kafka_offset": n, "kafka_at": NOON} for n, event in enumerate(events)]
    values = [tuple(row[column.name] for column in table.columns) for row in rows]
    schema = ", ".join(f"{column.name} {column.type}" for column in table.columns)
    spark.createDataFrame(values, schema).writeTo(table.name).append()


def test_an_event_that_silver_has_twice_counts_once(spark: SparkSession) -> None:
    append(spark, inventory.TABLE, a_movement(), a_movement())
    recompute(spark, stock_levels)
    [level] = catalog.fresh(spark, stock_levels.TABLE).collect()
    assert level["on_hand"] == a_movement()["quantity"]


def test_two_events_of_one_id_count_both_as_they_do_in_the_stream(spark: SparkSession) -> None:
    append(spark, inventory.TABLE, a_movement(), a_movement(quantity=7), a_movement(quantity=7))
    recompute(spark, stock_levels)
    [level] = catalog.fresh(spark, stock_levels.TABLE).collect()
    assert level["on_hand"] == a_movement()["quantity"] + 7


def test_columns_that_somebody_adds_to_silver_are_no_matter_to_gold(spark: SparkSession) -> None:
    append(spark, changes.TABLE, an_order())
    for name, kind in (("updated_at", "timestamp"), ("amount", "string")):
        spark.sql(f"ALTER TABLE {changes.TABLE.name} ADD COLUMN {name} {kind} FIRST")
    run(aggregate.start(spark, orders))
    streamed = rows(spark, orders.TABLE)
    assert len(streamed) == 1
    recompute(spark, orders)
    assert rows(spark, orders.TABLE) == streamed


def test_a_score_that_is_there_stays_and_what_is_missing_comes(spark: SparkSession) -> None:
    first = a_score(event_id="first", payment_id="p1", probability=0.25)
    append(spark, scores.TABLE, first)
    recompute(spark, fraud_scores)
    again = {**first, "event_id": "again", "probability": 0.75, "scored_at": first["scored_at"] + timedelta(hours=1)}
    append(spark, scores.TABLE, again, a_score(event_id="other", payment_id="p2", probability=0.5))
    recompute(spark, fraud_scores)
    found = {row["payment_id"]: row["probability"] for row in catalog.fresh(spark, fraud_scores.TABLE).collect()}
    assert found == {"p1": 0.25, "p2": 0.5}


def rows(spark: SparkSession, table: Table) -> list[str]:
    return sorted(map(str, catalog.fresh(spark, table).collect()))


@pytest.fixture
def streamed(spark: SparkSession) -> list[str]:
    """The rows that the stream gives of two orders, one of which has two events of one version."""
    append(spark, changes.TABLE, an_order(), an_order(event_id="e2", order_id="o2", items=[an_item(quantity=3)]))
    append(spark, changes.TABLE, an_order(event_id="e3", customer_city="rio"))
    run(aggregate.start(spark, orders))
    return rows(spark, orders.TABLE)


def test_a_row_that_was_changed_by_hand_and_a_stranger_are_mended(spark: SparkSession, streamed: list[str]) -> None:
    name = orders.TABLE.name
    spark.sql(f"UPDATE {name} SET amount = 1 WHERE order_id = 'o2'")
    stranger = ("'stranger'" if column == "order_id" else column for column in orders.TABLE.column_names)
    spark.sql(f"INSERT INTO {name} SELECT {', '.join(stranger)} FROM {name} WHERE order_id = 'o1'")
    assert rows(spark, orders.TABLE) != streamed

    assert recompute(spark, orders) == 1, "the stranger is counted"

    assert rows(spark, orders.TABLE) == streamed
    assert recompute(spark, orders) == 0


def test_the_query_goes_on_after_a_recomputation(spark: SparkSession, streamed: list[str]) -> None:
    recompute(spark, orders)
    append(spark, changes.TABLE, an_order(event_id="e4", version=2, status="approved"))
    run(aggregate.start(spark, orders))
    found = {row["order_id"]: row["status"] for row in catalog.fresh(spark, orders.TABLE).collect()}
    assert found == {"o1": "approved", "o2": "placed"}


def test_a_table_that_is_written_meanwhile_is_left_as_it_is(
    spark: SparkSession, streamed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    computed = recomputing.recomputed

    def while_its_query_runs(spark: SparkSession, gold: Gold) -> DataFrame:
        found = computed(spark, gold).localCheckpoint()
        append(spark, changes.TABLE, an_order(event_id="e4", version=2, status="approved"))
        run(aggregate.start(spark, orders))
        return found

    monkeypatch.setattr(recomputing, "recomputed", while_its_query_runs)
    with pytest.raises(
        TableInUse, match=r"gold\.orders was written while it was recomputed, so nothing was changed: .*make down"
    ):
        recompute(spark, orders)
    found = {row["order_id"]: row["status"] for row in catalog.fresh(spark, orders.TABLE).collect()}
    assert found == {"o1": "approved", "o2": "placed"}
