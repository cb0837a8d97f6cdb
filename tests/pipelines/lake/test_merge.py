"""Rows are merged by key in the way the table is written, and merging again changes nothing."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pyspark.sql import DataFrame, SparkSession

from pipelines.lake import catalog
from pipelines.lake.merge import merge_into
from pipelines.silver import reviews
from pipelines.table import Column, Merge, Table

TABLE = Table(
    "gold.merged",
    "One row per name.",
    (
        Column("name", "string", "A name."),
        Column("version", "int", "The version of its value.", required=False),
        Column("value", "int", "Its value.", required=False),
    ),
    ("name",),
    Merge(),
    properties={"write.merge.mode": "merge-on-read"},
)
NEWEST, FIRST = (replace(TABLE, written=written) for written in (Merge(newest_by="version"), Merge(keep_first=True)))
Row = tuple[str, int, int]


@pytest.fixture
def empty(spark: SparkSession, own_settings: Path) -> Iterator[Table]:
    """The table, without a row."""
    catalog.ensure(spark, TABLE)
    spark.sql(f"TRUNCATE TABLE {TABLE.name}")
    yield TABLE
    spark.sql(f"DROP TABLE {TABLE.name}")


def arriving(spark: SparkSession, *rows: Row) -> DataFrame:
    return spark.createDataFrame(list(rows), "name string, version int, value int")


def found(spark: SparkSession) -> set[Row]:
    return {(row["name"], row["version"], row["value"]) for row in catalog.fresh(spark, TABLE).collect()}


def test_an_arriving_row_replaces_the_one_that_is_there(spark: SparkSession, empty: Table) -> None:
    for _ in range(2):  # again changes nothing
        merge_into(arriving(spark, ("a", 1, 10), ("b", 1, 20)), TABLE)
    merge_into(arriving(spark, ("a", 0, 11)), TABLE)
    assert found(spark) == {("a", 0, 11), ("b", 1, 20)}


def test_the_newest_stays_within_a_batch_and_between_batches(spark: SparkSession, empty: Table) -> None:
    merge_into(arriving(spark, ("a", 2, 20), ("a", 3, 30), ("a", 1, 10)), NEWEST)
    merge_into(arriving(spark, ("a", 2, 21), ("a", 3, 31), ("b", 1, 10)), NEWEST)
    assert found(spark) == {("a", 3, 30), ("b", 1, 10)}, "of an equal version the first stays"


def test_the_first_stays(spark: SparkSession, empty: Table) -> None:
    merge_into(arriving(spark, ("a", 1, 10)), FIRST)
    merge_into(arriving(spark, ("a", 0, 11), ("b", 2, 20), ("b", 1, 21)), FIRST)
    assert found(spark) == {("a", 1, 10), ("b", 1, 21)}


rows = st.tuples(st.sampled_from("abc"), st.integers(1, 4), st.just(7))


@hypothesis_settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(rows, min_size=1, max_size=5), min_size=1, max_size=3))
def test_any_cut_in_any_order_gives_the_newest(spark: SparkSession, empty: Table, cut: list[list[Row]]) -> None:
    spark.sql(f"TRUNCATE TABLE {TABLE.name}")
    for batch in [*cut, cut[0]]:  # the first comes once more
        merge_into(arriving(spark, *batch), NEWEST)
    newest: dict[str, int] = {}
    for name, version, _ in (row for batch in cut for row in batch):
        newest[name] = max(version, newest.get(name, 0))
    assert found(spark) == {(name, version, 7) for name, version in newest.items()}


def test_a_table_that_is_appended_to_is_not_merged(spark: SparkSession) -> None:
    with pytest.raises(TypeError, match=r"silver\.reviews is appended to"):
        merge_into(spark.range(1), reviews.TABLE)
