"""Upkeep: tables get larger files while streams read and write them, and no stream notices."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession

from pipelines.base.settings import settings
from pipelines.lake import catalog, compaction
from pipelines.operations import upkeep
from pipelines.silver import reviews
from pipelines.streaming.reads import read_table
from pipelines.table import Append, Table
from pipelines.tables import GOLD, TABLES

READER = replace(reviews.TABLE, made_from=(reviews.TABLE.name,))


def append(spark: SparkSession, table: Table, numbers: range) -> None:
    """Append one review per number, each in a file of its own."""
    for number in numbers:
        values = ", ".join(f"{_value(column.type, number)} AS {column.name}" for column in table.columns)
        spark.sql(f"SELECT {values}").writeTo(table.name).append()


def _value(type_: str, number: int) -> str:
    return "now()" if type_ == "timestamp" else f"CAST('{number}' AS {type_})"


@pytest.fixture
def table(spark: SparkSession, own_settings: Path) -> Iterator[Table]:
    catalog.ensure(spark, reviews.TABLE)
    yield reviews.TABLE
    spark.sql(f"DROP TABLE {reviews.TABLE.name}")


def files(spark: SparkSession, table: Table) -> int:
    return spark.table(f"{table.name}.files").count()


def test_a_stream_reads_every_row_once_across_compactions(spark: SparkSession, table: Table, tmp_path: Path) -> None:
    seen: list[str] = []

    def note(batch: DataFrame, batch_id: int) -> None:
        seen.extend(row["event_id"] for row in batch.select("event_id").collect())

    append(spark, table, range(10))
    rows = read_table(spark, table, READER)
    query = rows.writeStream.foreachBatch(note).option("checkpointLocation", str(tmp_path / "reader")).start()
    try:
        query.processAllAvailable()
        compaction.compact(spark, table)
        append(spark, table, range(10, 20))
        compaction.compact(spark, table)
        query.processAllAvailable()
        append(spark, table, range(20, 21))
        query.processAllAvailable()
    finally:
        query.stop()
    assert sorted(map(int, seen)) == list(range(21))
    assert files(spark, table) < 5

    begun_later: list[str] = []
    again = read_table(spark, table, READER).writeStream.foreachBatch(
        lambda batch, _: begun_later.extend(row["event_id"] for row in batch.collect())
    )
    late = again.option("checkpointLocation", str(tmp_path / "late")).trigger(availableNow=True).start()
    late.awaitTermination()
    assert sorted(map(int, begun_later)) == list(range(21)), "a query that begins after the compaction reads all of it"


def test_a_table_is_tended_after_so_many_commits(spark: SparkSession, table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"TIDEMARK_STREAMS__{table.name.upper()}__COMPACT_EVERY", "10")
    settings.cache_clear()
    append(spark, table, range(10))
    tending = upkeep.Tending(table)
    found: list[int] = []
    for commits in (0, 9, 1, 3):
        append(spark, table, range(commits))
        tending.if_due(spark)
        found.append(files(spark, table))
    assert found[:2] == [10, 19], "what was there at the first look is not due at once"
    assert found[2:] == [1, 4], "ten commits later it is compacted, and three later nothing is due"


def test_a_table_is_swept_an_hour_after_the_start_and_then_once_a_day(
    spark: SparkSession, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    swept: list[float] = []
    now = 1000.0
    monkeypatch.setattr(upkeep, "monotonic", lambda: now)
    monkeypatch.setattr(upkeep, "sweep", lambda *_: swept.append(now))
    sweeping = upkeep.Sweeping(table)
    for hours in (0, 0.9, 1, 1.1, 24.9, 25, 48.9, 49):
        now = 1000.0 + hours * 3600
        sweeping.if_due(spark)
    assert [(at - 1000) / 3600 for at in swept] == [1, 25, 49]


def test_every_table_is_swept(own_settings: Path) -> None:
    assert list(upkeep.sweeper().tasks) == list(TABLES)


def test_every_table_that_is_appended_to_is_tended(own_settings: Path) -> None:
    companion = upkeep.companion()
    assert set(companion.tasks) == {name for name, table in TABLES.items() if isinstance(table.written, Append)}
    assert {"bronze.events", "silver.orders", "silver.quarantine"} <= set(companion.tasks)
    assert not any(name in companion.tasks for name in GOLD)
