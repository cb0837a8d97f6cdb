"""A gold table is recomputed from all of silver, each event once, and merged by its own rule."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from builders import NOON, a_movement, a_score
from pyspark.sql import SparkSession

from pipelines.gold import fraud_scores, stock_levels
from pipelines.lake import catalog
from pipelines.operations.recomputing import recompute
from pipelines.silver import fraud_scores as scores
from pipelines.silver import inventory
from pipelines.table import Table

TABLES = (inventory.TABLE, stock_levels.TABLE, scores.TABLE, fraud_scores.TABLE)


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


def test_a_score_that_is_there_stays_and_what_is_missing_comes(spark: SparkSession) -> None:
    first = a_score(event_id="first", payment_id="p1", probability=0.25)
    append(spark, scores.TABLE, first)
    recompute(spark, fraud_scores)
    again = {**first, "event_id": "again", "probability": 0.75, "scored_at": first["scored_at"] + timedelta(hours=1)}
    append(spark, scores.TABLE, again, a_score(event_id="other", payment_id="p2", probability=0.5))
    recompute(spark, fraud_scores)
    found = {row["payment_id"]: row["probability"] for row in catalog.fresh(spark, fraud_scores.TABLE).collect()}
    assert found == {"p1": 0.25, "p2": 0.5}
