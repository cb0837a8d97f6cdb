"""Payments come in order of arrival, in slices that the driver may hold however many they are."""

from collections.abc import Iterator

import pytest
from py4j.protocol import Py4JJavaError
from pyspark.sql import DataFrame, SparkSession

from pipelines.streaming.arrivals import in_slices

PLACE = "kafka_partition int, kafka_offset bigint"


def offsets(slices: Iterator[DataFrame]) -> list[list[tuple[int, int]]]:
    return [[(row["kafka_partition"], row["kafka_offset"]) for row in each.collect()] for each in slices]


def test_slices_hold_everything_once_in_order_and_no_more_than_they_may(spark: SparkSession) -> None:
    places = [
        (partition, offset) for partition in (0, 2) for offset in range(100 * partition, 100 * partition + 25) if offset % 5
    ]
    rows = spark.createDataFrame(places[::-1], PLACE)
    found = offsets(in_slices(rows, most=10))
    assert [place for each in found for place in each] == places
    assert [len(each) for each in found] == [8, 8, 4] * 2


def test_of_no_rows_there_is_one_empty_slice(spark: SparkSession) -> None:
    assert offsets(in_slices(spark.createDataFrame([], PLACE))) == [[]]


@pytest.fixture
def small_driver(spark: SparkSession) -> Iterator[None]:
    """A session whose driver takes no more than 200 kB at once."""
    conf, name = spark.sparkContext._jsc.sc().conf(), "spark.driver.maxResultSize"
    before = conf.get(name, "1g")
    conf.set(name, "200k")
    yield
    conf.set(name, before)


def test_what_the_driver_may_not_take_at_once_comes_slice_by_slice(spark: SparkSession, small_driver: None) -> None:
    rows = spark.range(20_000).selectExpr("0 AS kafka_partition", "id AS kafka_offset", "uuid() AS event_id")
    with pytest.raises(Py4JJavaError, match="maxResultSize"):
        rows.toArrow()
    assert sum(len(each.toArrow()) for each in in_slices(rows, most=2_000)) == 20_000
