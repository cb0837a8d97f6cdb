"""A merged table is compacted by the query that merges it, not before it has made some batches."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from number_tables import run
from pyspark.sql import SparkSession

from pipelines.base.settings import settings
from pipelines.lake import catalog, compaction
from pipelines.streaming.writes import upsert
from pipelines.table import Column, Merge, Table

TABLE = Table("gold.stock_levels", "One row per number.", (Column("number", "int", "A number."),), ("number",), Merge())


@pytest.fixture
def files(spark: SparkSession, own_settings: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of files; every third batch of the table is to compact it."""
    for name, value in {"TRIGGER": "0 seconds", "COMPACT_EVERY": "3"}.items():
        monkeypatch.setenv(f"TIDEMARK_STREAMS__{TABLE.name.upper()}__{name}", value)
    settings.cache_clear()
    spark.sql(f"DROP TABLE IF EXISTS {TABLE.name}")
    folder = own_settings / "files"
    folder.mkdir()
    yield folder
    spark.sql(f"DROP TABLE IF EXISTS {TABLE.name}")


def test_the_first_batches_do_not_wait_for_a_compaction(
    spark: SparkSession, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compacted_after: list[int] = []

    def note(session: SparkSession, table: Table) -> None:
        compacted_after.append(catalog.fresh(session, table).count())

    monkeypatch.setattr(compaction, "compact", note)
    for number in range(6):
        (files / str(number)).write_text(str(number))
        read = spark.readStream.text(str(files)).selectExpr("CAST(value AS int) AS number")
        run(upsert(read, TABLE))
    assert compacted_after == [3, 6]
    assert sorted(row["number"] for row in catalog.fresh(spark, TABLE).collect()) == list(range(6))
