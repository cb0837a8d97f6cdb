"""Compaction changes files, not rows."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from pipelines.gold import stock_levels
from pipelines.lake import catalog, compaction
from pipelines.table import Table


@pytest.fixture
def levels(spark: SparkSession, own_settings: Path) -> Iterator[Table]:
    catalog.ensure(spark, stock_levels.TABLE)
    yield stock_levels.TABLE
    spark.sql(f"DROP TABLE IF EXISTS {stock_levels.TABLE.name}")


def filled(spark: SparkSession, table: Table, appends: int) -> None:
    for sold in range(appends):
        rows = spark.sql(f"SELECT id || '' AS product_id, 's' AS seller_id, 5L AS on_hand, {sold}L AS sold FROM range(3)")
        whole = rows.selectExpr("*", "now() AS last_movement_at", "CAST(NULL AS TIMESTAMP) AS last_restock_at")
        whole.writeTo(table.name).append()


def test_compaction_leaves_the_rows_and_fewer_files(spark: SparkSession, levels: Table) -> None:
    filled(spark, levels, 10)
    before = sorted(map(tuple, spark.table(levels.name).collect()), key=str)
    files = spark.table(f"{levels.name}.files").count()

    compaction.compact(spark, levels)

    assert sorted(map(tuple, spark.table(levels.name).collect()), key=str) == before
    assert spark.table(f"{levels.name}.files").count() < files
