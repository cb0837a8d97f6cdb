"""Files that no snapshot names go once they are old, and only those."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from pipelines.lake import catalog, iceberg
from pipelines.lake.orphans import remove_orphans
from pipelines.table import Column, Merge, Table

TABLE = Table("gold.littered", "One row per number.", (Column("number", "bigint", "A number."),), ("number",), Merge())
TWO_DAYS_S = 2 * 86_400


@pytest.fixture
def folder(spark: SparkSession, own_settings: Path) -> Iterator[Path]:
    """The folder of a table of ten rows."""
    spark.sql(f"DROP TABLE IF EXISTS {TABLE.name}")
    catalog.ensure(spark, TABLE)
    spark.range(10).toDF("number").writeTo(TABLE.name).append()
    yield Path(str(iceberg.loaded(spark, TABLE).location()).removeprefix("file:")) / "data"
    spark.sql(f"DROP TABLE {TABLE.name}")


def old(file: Path) -> Path:
    """Let a file be two days old."""
    os.utime(file, (time.time() - TWO_DAYS_S,) * 2)
    return file


def test_an_old_orphan_goes_and_a_young_one_and_what_is_in_use_stay(spark: SparkSession, folder: Path) -> None:
    used = [old(file) for file in folder.glob("*.parquet")]
    killed, under_way = folder / "00000-1-killed.parquet", folder / "00000-2-under-way.parquet"
    for file in (killed, under_way):
        file.write_bytes(b"part of a batch")
    old(killed)

    assert remove_orphans(spark, TABLE) == 1

    assert not killed.exists()
    assert under_way.exists()
    assert used
    assert all(file.exists() for file in used)
    assert catalog.fresh(spark, TABLE).count() == 10
    assert remove_orphans(spark, TABLE) == 0
