"""A merged table is compacted by the query that merges it, not before it has made some batches; an
appended one takes a batch of whatever days.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from number_tables import run
from pyspark.sql import SparkSession

from pipelines.base.settings import settings
from pipelines.lake import catalog, compaction
from pipelines.streaming.writes import append, upsert
from pipelines.table import Append, Column, Merge, Table

DATED = Table(
    "silver.reviews",
    "One row per day.",
    (Column("at", "timestamp", "A day."),),
    ("at",),
    Append(),
    partitioning=("days(at)",),
)
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


@pytest.fixture
def dated(spark: SparkSession, own_settings: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of files of days."""
    monkeypatch.setenv(f"TIDEMARK_STREAMS__{DATED.name.upper()}__TRIGGER", "0 seconds")
    settings.cache_clear()
    spark.sql(f"DROP TABLE IF EXISTS {DATED.name}")
    folder = own_settings / "days"
    folder.mkdir()
    yield folder
    spark.sql(f"DROP TABLE IF EXISTS {DATED.name}")


def test_a_batch_of_many_days_is_sorted_by_day_so_that_one_file_is_open_at_a_time(spark: SparkSession, dated: Path) -> None:
    days = [day * 86_400 for day in (*range(0, 60, 2), *range(1, 60, 2), *range(60))]
    (dated / "days").write_text("\n".join(map(str, days)))
    query = append(spark.readStream.text(str(dated)).selectExpr("timestamp_seconds(CAST(value AS bigint)) AS at"), DATED)
    try:
        query.processAllAvailable()
        plan = str(cast(Any, query)._jsq.streamingQuery().lastExecution().executedPlan())
    finally:
        query.stop()
    assert "Sort [" in plan
    assert catalog.fresh(spark, DATED).count() == len(days)
