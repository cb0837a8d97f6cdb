"""Upkeep: tables get larger files while streams read and write them, and no stream notices."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import structlog
from pyspark.sql import DataFrame, SparkSession

from pipelines.lake import catalog
from pipelines.operations import upkeep
from pipelines.silver import reviews
from pipelines.streaming import stream
from pipelines.table import Table

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


class Looks(threading.Event):
    """Upkeep's end, which comes when it has looked once after each of some steps."""

    def __init__(self, *steps: Callable[[], None]) -> None:
        super().__init__()
        self.steps = iter(steps)

    def wait(self, timeout: float | None = None) -> bool:
        """Take the next step; without one, upkeep is to end."""
        step = next(self.steps, None)
        if step:
            step()
        return step is None


def files(spark: SparkSession, table: Table) -> int:
    return spark.table(f"{table.name}.files").count()


def test_a_stream_reads_every_row_once_across_compactions(spark: SparkSession, table: Table, tmp_path: Path) -> None:
    seen: list[str] = []

    def note(batch: DataFrame, batch_id: int) -> None:
        seen.extend(row["event_id"] for row in batch.select("event_id").collect())

    append(spark, table, range(10))
    rows = stream.read_table(spark, table, READER)
    query = rows.writeStream.foreachBatch(note).option("checkpointLocation", str(tmp_path / "reader")).start()
    try:
        query.processAllAvailable()
        catalog.compact(spark, table)
        append(spark, table, range(10, 20))
        catalog.compact(spark, table)
        query.processAllAvailable()
        append(spark, table, range(20, 21))
        query.processAllAvailable()
    finally:
        query.stop()
    assert sorted(map(int, seen)) == list(range(21))
    assert files(spark, table) < 5

    begun_later: list[str] = []
    again = stream.read_table(spark, table, READER).writeStream.foreachBatch(
        lambda batch, _: begun_later.extend(row["event_id"] for row in batch.collect())
    )
    late = again.option("checkpointLocation", str(tmp_path / "late")).trigger(availableNow=True).start()
    late.awaitTermination()
    assert sorted(map(int, begun_later)) == list(range(21)), "a query that begins after the compaction reads all of it"


def test_upkeep_goes_on_after_what_nobody_foresaw(spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> None:
    def unforeseen(*args: object) -> None:
        raise RuntimeError("unforeseen")

    monkeypatch.setattr(upkeep, "_tend_if_due", unforeseen)
    monkeypatch.setattr(upkeep, "APPENDED", (reviews.TABLE,))
    with structlog.testing.capture_logs() as logs:
        upkeep.beside_queries(spark, Looks(lambda: None, lambda: None))
    assert [(line["event"], line["table"]) for line in logs] == [("not_foreseen", reviews.TABLE.name)] * 2


def test_upkeep_goes_on_after_a_failure_and_ends_when_asked(
    spark: SparkSession, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = Table("silver.broken", "Not to be made.", table.columns, ("event_id",), partitioning=("no_such_column",))
    first, *others = table.columns
    mistyped = replace(table, columns=(replace(first, type="double"), *others))
    monkeypatch.setattr(upkeep, "APPENDED", (broken, mistyped, table))
    monkeypatch.setenv("TIDEMARK_UPKEEP__LOOK_EVERY_S", "0.01")
    upkeep.settings.cache_clear()
    often = stream.stream_settings(table.name).model_copy(update={"compact_every": 10})
    monkeypatch.setattr(upkeep, "stream_settings", lambda name: often)
    append(spark, table, range(10))
    found: list[int] = []

    def after(commits: int) -> Callable[[], None]:
        def step() -> None:
            found.append(files(spark, table))
            append(spark, table, range(commits))

        return step

    upkeep.beside_queries(spark, Looks(after(0), after(9), after(1), after(3), after(0)))
    kept_at_the_start, after_9, after_10, after_3 = found[1:]
    assert (kept_at_the_start, after_9) == (10, 19), "what was there when upkeep began is not due at once"
    assert (after_10, after_3) == (1, 4), (
        "the table behind the broken ones is compacted, and three commits later nothing is due"
    )
