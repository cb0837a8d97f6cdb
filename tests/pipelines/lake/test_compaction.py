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


def filled(spark: SparkSession, table: Table, appends: int, rows: int = 3) -> None:
    for sold in range(appends):
        numbered = (
            f"SELECT id || '' AS product_id, 's' AS seller_id, 5L AS on_hand, {sold}L AS sold FROM range(0, {rows}, 1, 1)"
        )
        whole = spark.sql(numbered).selectExpr("*", "now() AS last_movement_at", "CAST(NULL AS TIMESTAMP) AS last_restock_at")
        whole.writeTo(table.name).append()


def test_compaction_leaves_the_rows_and_fewer_files(spark: SparkSession, levels: Table) -> None:
    filled(spark, levels, 10)
    before = sorted(map(tuple, spark.table(levels.name).collect()), key=str)
    files = spark.table(f"{levels.name}.files").count()

    compaction.compact(spark, levels)

    assert sorted(map(tuple, spark.table(levels.name).collect()), key=str) == before
    assert spark.table(f"{levels.name}.files").count() < files


@pytest.mark.parametrize(("deleted", "rewritten"), [(1, False), (40, True)])
def test_a_large_file_is_rewritten_for_many_deletes_and_not_for_one(
    spark: SparkSession, levels: Table, monkeypatch: pytest.MonkeyPatch, deleted: int, rewritten: bool
) -> None:
    monkeypatch.setitem(compaction.REWRITING, "min-file-size-bytes", "1")  # every file is a large one
    spark.sql(f"ALTER TABLE {levels.name} SET TBLPROPERTIES ('write.delete.mode' = 'merge-on-read')")
    filled(spark, levels, 1, rows=100)
    spark.sql(f"DELETE FROM {levels.name} WHERE CAST(product_id AS INT) < {deleted}")

    assert (compaction.compact(spark, levels) > 0) == rewritten

    assert spark.table(levels.name).count() == 100 - deleted
    assert spark.table(f"{levels.name}.delete_files").count() == (0 if rewritten else 1), "none stays without its data file"
