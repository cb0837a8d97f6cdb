"""The row balance says where every record is, and does not come out even when one is lost."""

from collections.abc import Sequence

import pytest
from pyspark.sql import SparkSession

from pipelines.operations.balance import Balance, balance, copies, only
from pipelines.operations.records import Held, Records, held

TOPIC = "shop.orders"


def of(
    spark: SparkSession,
    bronze: Sequence[int],
    refined: Sequence[tuple[int, str]],
    silver: Sequence[tuple[int, str]],
    quarantined: Sequence[int],
    until: int,
) -> Balance:
    lineage = "kafka_partition int, kafka_offset bigint, event_id string"
    in_silver = spark.createDataFrame([(0, *row) for row in silver], lineage)
    duplicates = copies(spark.createDataFrame([(0, *row) for row in refined], lineage), in_silver)
    held_in = [table(spark, offsets) for offsets in (bronze, [offset for offset, _ in silver], quarantined)]
    return balance(TOPIC, held_in[0], held_in[1], duplicates, held_in[2].records, {0: until})


def table(spark: SparkSession, offsets: Sequence[int]) -> Held:
    rows = spark.createDataFrame([(TOPIC, 0, offset) for offset in offsets], "topic string, partition int, offset bigint")
    return held(rows).get(TOPIC, Held())


def test_every_record_is_in_one_place(spark: SparkSession) -> None:
    refined = [(0, "a"), (1, "a"), (2, "b"), (4, "c")]
    found = of(spark, range(5), refined, [(0, "a"), (2, "b")], [3], until=4)
    assert found == Balance(TOPIC, bronze=5, silver=2, duplicates=1, quarantined=1, in_flight=1, gaps=0, doubled=0)
    assert (found.missing, found.holds) == (0, True)


def test_a_lost_record_is_missing(spark: SparkSession) -> None:
    found = of(spark, range(3), [(0, "a"), (1, "b"), (2, "c")], [(0, "a"), (2, "c")], [], until=3)
    assert (found.missing, found.in_flight, found.holds) == (1, 0, False)


def test_a_row_held_twice_is_doubled_and_hides_no_missing_one(spark: SparkSession) -> None:
    refined = [(0, "a"), (1, "b"), (2, "c")]
    in_silver = of(spark, range(3), refined, [(0, "a"), (0, "a"), (2, "c")], [], until=3)
    assert in_silver == Balance(TOPIC, bronze=3, silver=2, duplicates=0, quarantined=0, in_flight=0, gaps=0, doubled=1)
    assert in_silver.missing == 1
    whole = of(spark, range(3), refined, [*refined, (1, "b")], [], until=3)
    assert (whole.missing, whole.doubled, whole.holds) == (0, 1, False)
    in_bronze = of(spark, [0, 0, 2], [(0, "a"), (0, "a"), (2, "c")], [(0, "a"), (2, "c")], [], until=3)
    assert (in_bronze.bronze, in_bronze.doubled, in_bronze.gaps, in_bronze.missing) == (2, 1, 1, 1)


def test_an_offset_that_bronze_skipped_is_missing(spark: SparkSession) -> None:
    found = of(spark, [0, 2], [(0, "a"), (2, "c")], [(0, "a"), (2, "c")], [], until=3)
    assert (found.gaps, found.missing) == (1, 1)


@pytest.mark.parametrize("refused", [[1], [1, 1]])
def test_a_rebuilt_record_counts_as_silver_and_a_refused_one_once(spark: SparkSession, refused: list[int]) -> None:
    rebuilt = of(spark, range(2), [(0, "a"), (1, "b")], [(0, "a"), (1, "b")], refused, until=2)
    assert (rebuilt.silver, rebuilt.quarantined, rebuilt.missing) == (2, 0, 0)
    waiting = of(spark, range(2), [(0, "a")], [(0, "a")], refused, until=2)
    assert (waiting.silver, waiting.quarantined, waiting.missing) == (1, 1, 0)


def test_a_refused_copy_whose_event_was_rebuilt_is_a_duplicate_and_counted_once(spark: SparkSession) -> None:
    found = of(spark, range(2), [(0, "a"), (1, "a")], [(0, "a")], [0, 1], until=2)
    assert found == Balance(TOPIC, bronze=2, silver=1, duplicates=1, quarantined=0, in_flight=0, gaps=0, doubled=0)
    assert found.holds


def test_nobody_has_looked_yet(spark: SparkSession) -> None:
    found = of(spark, [5, 6], [(5, "a"), (6, "b")], [], [], until=0)
    assert found == Balance(TOPIC, 2, 0, 0, 0, in_flight=2, gaps=0, doubled=0)


def test_of_bronze_only_the_records_that_silver_lacks_are_judged(spark: SparkSession) -> None:
    bronze = spark.createDataFrame(
        [(0, 0, "a"), (0, 1, "b"), (1, 0, "c"), (1, 1, "d")], "partition int, offset bigint, value string"
    )
    lacking = held(spark.createDataFrame([(TOPIC, 0, 1), (TOPIC, 1, 0)], "topic string, partition int, offset bigint"))
    assert sorted(row["value"] for row in only(bronze, lacking[TOPIC].records).collect()) == ["b", "c"]
    assert only(bronze, Records({})).collect() == []
