"""Rows are merged by key in the way the table is written, and merging again changes nothing."""

from collections.abc import Iterator
from dataclasses import replace
from functools import reduce
from operator import and_
from pathlib import Path

import pytest
from builders import NOON
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pyspark.sql import DataFrame, SparkSession
from scan_metrics import scanned

from pipelines.gold import business_metrics, fraud_scores
from pipelines.lake import catalog
from pipelines.lake.merge import FEW, merge_into, near
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
NEWEST, FIRST = (replace(TABLE, written=written) for written in (Merge(newest_by=("version",)), Merge(keep_first=True)))
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


def test_rows_that_differ_in_what_newest_by_names_first_win_by_what_it_names_next(spark: SparkSession, empty: Table) -> None:
    table = replace(TABLE, written=Merge(newest_by=("version", "value")))
    merge_into(arriving(spark, ("a", 1, 10), ("a", 1, 30), ("b", 1, 30)), table)
    merge_into(arriving(spark, ("a", 1, 20), ("b", 1, 40), ("b", 1, 20)), table)
    assert found(spark) == {("a", 1, 30), ("b", 1, 40)}


def test_a_row_that_lacks_what_newest_by_names_is_the_older_one(spark: SparkSession, empty: Table) -> None:
    table = replace(TABLE, written=Merge(newest_by=("version", "value")))
    spark.sql(f"INSERT INTO {TABLE.name} VALUES ('a', 1, NULL), ('b', 2, NULL)")
    merge_into(arriving(spark, ("a", 1, 10), ("b", 1, 10)), table)
    assert found(spark) == {("a", 1, 10), ("b", 2, None)}


def test_a_column_that_somebody_adds_is_left_to_them(spark: SparkSession, empty: Table) -> None:
    merge_into(arriving(spark, ("a", 1, 10)), TABLE)
    spark.sql(f"ALTER TABLE {TABLE.name} ADD COLUMN note string")
    spark.sql(f"UPDATE {TABLE.name} SET note = 'theirs'")
    merge_into(arriving(spark, ("a", 2, 20), ("b", 1, 30)), TABLE)
    rows = spark.sql(f"SELECT * FROM {TABLE.name}").collect()
    assert {tuple(row) for row in rows} == {("a", 2, 20, "theirs"), ("b", 1, 30, None)}
    spark.sql(f"ALTER TABLE {TABLE.name} DROP COLUMN note")


def test_only_files_of_the_days_of_a_batch_are_read(spark: SparkSession, own_settings: Path) -> None:
    table = fraud_scores.TABLE
    spark.sql(f"DROP TABLE IF EXISTS {table.name}")
    catalog.ensure(spark, table)
    for day in range(3):
        scored(spark, day).writeTo(table.name).append()
    may_hold = reduce(and_, near(scored(spark, 1), table) or [])
    assert spark.table(table.name).filter(may_hold).count() == 1
    assert scanned(spark.table(table.name).filter(may_hold), "resultDataFiles") == 1
    spark.sql(f"DROP TABLE {table.name}")


def scored(spark: SparkSession, day: int) -> DataFrame:
    """Return the score of the payment x that was made at the first moment of a day."""
    at = f"timestamp_micros({int(NOON.timestamp() - 43_200 + day * 86_400)}000000)"
    known = {"event_at": at, "scored_at": at}
    rest = {column.name: f"CAST({filling(column.type)} AS {column.type})" for column in fraud_scores.TABLE.columns}
    return spark.sql(f"SELECT {', '.join(f'{value} AS {name}' for name, value in {**rest, **known}.items())}")


def filling(type_: str) -> str:
    return (
        "array()"
        if type_.startswith("array")
        else "0"
        if type_ in ("double", "decimal(12,2)")
        else "false"
        if type_ == "boolean"
        else "'x'"
    )


def test_of_a_batch_of_many_rows_no_key_is_named(spark: SparkSession, own_settings: Path) -> None:
    few, many = (spark.range(rows).selectExpr("CAST(id AS STRING) AS name") for rows in (FEW, FEW + 1))
    assert near(many, TABLE) == []
    assert len(near(few, TABLE) or []) == 1


@pytest.mark.parametrize(("partitioning", "before", "behind"), [("days(at)", 12, 12), ("hours(at)", 0, 1)])
def test_of_a_batch_of_many_rows_the_times_are_named(
    spark: SparkSession, own_settings: Path, partitioning: str, before: int, behind: int
) -> None:
    dated = replace(TABLE, columns=(*TABLE.columns, Column("at", "timestamp", "When.")), key=("name", "at"))
    table = replace(dated, name="gold.dated", partitioning=(partitioning,))
    catalog.ensure(spark, table)
    noon = int(NOON.timestamp())

    def moments(*seconds: int) -> DataFrame:
        frame = spark.createDataFrame([(second,) for second in seconds], "second INT")
        return frame.selectExpr("'a' AS name", "1 AS version", "1 AS value", "timestamp_seconds(second) AS at")

    hour = 3_600
    edges = (noon - before * hour - 1, noon - before * hour, noon + behind * hour - 1, noon + behind * hour)
    moments(*edges).writeTo(table.name).append()
    many = moments(*([noon, noon + hour - 1] * FEW))
    found = spark.table(table.name).filter(reduce(and_, near(many, table) or [])).selectExpr("unix_seconds(at) AS second")
    assert sorted(row["second"] for row in found.collect()) == [*edges[1:3]]
    spark.sql(f"DROP TABLE {table.name}")


def test_a_batch_without_rows_changes_nothing_also_where_the_table_has_never_had_one(
    spark: SparkSession, own_settings: Path
) -> None:
    table = business_metrics.TABLE
    spark.sql(f"DROP TABLE IF EXISTS {table.name}")
    catalog.ensure(spark, table)
    rows = spark.table(table.name)
    merge_into(rows, table)
    assert catalog.snapshots(spark, table).count() == 0
    spark.sql(f"DROP TABLE {table.name}")


@pytest.mark.parametrize("written", [Merge(), Merge(keep_first=True)])
def test_a_batch_without_rows_makes_no_snapshot(spark: SparkSession, empty: Table, written: Merge) -> None:
    merge_into(arriving(spark, ("a", 1, 10)), TABLE)
    before = catalog.snapshots(spark, TABLE).count()
    merge_into(arriving(spark), replace(TABLE, written=written))
    assert found(spark) == {("a", 1, 10)}
    assert catalog.snapshots(spark, TABLE).count() == before


def test_a_table_that_is_appended_to_is_not_merged(spark: SparkSession) -> None:
    with pytest.raises(TypeError, match=r"silver\.reviews is appended to"):
        merge_into(spark.range(1), reviews.TABLE)
