"""What rebuild appends: what a silver table lacks and its query will not bring any more."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from builders import NOON, a_review, at
from pyspark.sql import DataFrame, SparkSession

from pipelines.lake import catalog
from pipelines.operations import repair
from pipelines.silver import reviews
from pipelines.streaming import checkpoints, incarnations
from pipelines.streaming.incarnations import Incarnation
from pipelines.table import Table


@pytest.fixture
def checkpoint(spark: SparkSession, own_settings: Path) -> Iterator[Path]:
    """The checkpoint folder of silver.reviews, whose table is new."""
    catalog.ensure(spark, reviews.TABLE)
    yield own_settings / "checkpoints" / "silver.reviews"
    spark.sql(f"DROP TABLE {reviews.TABLE.name}")


def rows(spark: SparkSession, *places: tuple[int, int]) -> DataFrame:
    """Return a review for each (partition, offset), with an event of its own."""
    return frame(spark, reviews.TABLE, *(_review(*place) for place in places))


def frame(spark: SparkSession, table: Table, *found: dict[str, Any]) -> DataFrame:
    """Return rows in the table's columns."""
    values = [tuple(row[column.name] for column in table.columns) for row in found]
    return spark.createDataFrame(values, ", ".join(f"{column.name} {column.type}" for column in table.columns))


def _review(partition: int, offset: int) -> dict[str, Any]:
    lineage = {"kafka_partition": partition, "kafka_offset": offset, "kafka_at": NOON}
    return {**a_review(event_id=f"e{partition}-{offset}"), **lineage}


def lacking(spark: SparkSession, refined: DataFrame) -> list[str]:
    return sorted(row["event_id"] for row in repair.lacking(spark, reviews.TABLE, refined).collect())


def test_what_the_query_has_passed_is_rebuilt_and_what_is_before_it_is_left_to_it(
    spark: SparkSession, checkpoint: Path
) -> None:
    for name in ("commits", "offsets"):
        (checkpoint / name).mkdir(parents=True)
        (checkpoint / name / "7").write_text('v1\n{}\n{"shop.reviews":{"0":2,"1":1}}')
    rows(spark, (0, 0)).writeTo(reviews.TABLE.name).append()
    refined = rows(spark, (0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (2, 0))
    assert lacking(spark, refined) == ["e0-1", "e1-0"]


def test_what_came_before_the_topic_was_made_anew_is_rebuilt_whatever_its_offset(spark: SparkSession, checkpoint: Path) -> None:
    for name in ("commits", "offsets"):
        (checkpoint / name).mkdir(parents=True)
        (checkpoint / name / "7").write_text('v1\n{}\n{"shop.reviews":{"0":2}}')
    rows(spark, (0, 0)).writeTo(reviews.TABLE.name).append()
    begun = Incarnation("new", int(at(0.5).timestamp() * 1e6))
    incarnations.remember(spark, reviews.TABLE, {"shop.reviews": [Incarnation("old", 0), begun]})
    old, new = [_review(0, 0), _review(0, 9), _review(3, 4)], [_review(0, 1), _review(0, 5)]
    later = [{**row, "event_id": f"new-{row['event_id']}", "kafka_at": at(1)} for row in new]
    assert lacking(spark, frame(spark, reviews.TABLE, *old, *later)) == ["e0-9", "e3-4", "new-e0-1"]


def test_without_a_batch_the_query_will_bring_what_comes_from_where_it_starts(spark: SparkSession, checkpoint: Path) -> None:
    refined = rows(spark, (0, 0), (0, 1))
    assert lacking(spark, refined) == []
    catalog.set_property(spark, reviews.TABLE, checkpoints.START, '{"shop.reviews": {"0": 1}}')
    assert lacking(spark, refined) == ["e0-0"]
