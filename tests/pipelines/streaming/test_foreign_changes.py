"""What others delete from a table or change in it stops no query that reads it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from number_tables import EARLY, LATE, NUMBERS, Numbers, drop, environment, rows
from pyspark.sql import SparkSession

from pipelines.base.settings import settings


@pytest.fixture
def numbers(spark: SparkSession, own_settings: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Numbers]:
    """Four numbers that a query has read."""
    for name, value in environment().items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    drop(spark)
    made = Numbers(spark, own_settings / "numbers")
    made.write(4)
    assert made.read(LATE) == [0, 1, 2, 3]
    yield made
    drop(spark)


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM {table} WHERE number = 1",
        "DELETE FROM {table} WHERE number < 3",
        "DELETE FROM {table}",
        "UPDATE {table} SET number = number + 100 WHERE number > 1",
        "MERGE INTO {table} t USING (SELECT 2 AS number) s ON t.number = s.number WHEN MATCHED THEN DELETE",
        "INSERT OVERWRITE {table} SELECT 50",
    ],
)
def test_a_reader_goes_on_with_what_is_added(numbers: Numbers, change: str) -> None:
    numbers.spark.sql(change.format(table=f"lake.{NUMBERS.name}"))
    numbers.write(2)
    assert numbers.read(LATE) == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("change", ["DELETE FROM {table} WHERE number = 1", "UPDATE {table} SET number = 9 WHERE number = 1"])
def test_a_new_reader_sees_the_table_as_it_is(numbers: Numbers, change: str) -> None:
    numbers.spark.sql(change.format(table=f"lake.{NUMBERS.name}"))
    numbers.write(1)
    assert numbers.read(EARLY) == rows(numbers.spark, NUMBERS)
    numbers.write(1)
    assert numbers.read(EARLY) == rows(numbers.spark, NUMBERS)


def test_rows_that_somebody_adds_by_hand_are_read(numbers: Numbers) -> None:
    numbers.spark.sql(f"INSERT INTO lake.{NUMBERS.name} VALUES (77)")
    numbers.spark.sql(f"DELETE FROM lake.{NUMBERS.name} WHERE number = 77")
    numbers.write(1)
    assert numbers.read(LATE) == [0, 1, 2, 3, 4, 77]


def test_a_column_that_somebody_adds_stops_neither_writer_nor_reader(numbers: Numbers) -> None:
    numbers.spark.sql(f"ALTER TABLE lake.{NUMBERS.name} ADD COLUMN note string FIRST")
    numbers.write(2)
    assert numbers.read(LATE) == [0, 1, 2, 3, 4, 5]
