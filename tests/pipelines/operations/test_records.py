"""Sets of records are what sets of (partition, offset) are, at a bit a record."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from pipelines.operations.records import PAGE, Records, held

Place = tuple[int, int]
places = st.sets(st.tuples(st.integers(0, 2), st.integers(0, 3 * PAGE)), max_size=60)


def records(chosen: set[Place]) -> Records:
    pages: dict[tuple[int, int], np.ndarray] = {}
    for partition, offset in chosen:
        bits = pages.setdefault((partition, offset // PAGE), np.zeros(PAGE, bool))
        bits[offset % PAGE] = True
    return Records({at: np.packbits(bits, bitorder="little") for at, bits in pages.items()})


def chosen(of: Records) -> set[Place]:
    return {(partition, int(offset)) for partition, offsets in of.offsets() for offset in offsets}


@given(places, places)
def test_they_combine_as_sets_do(one: set[Place], other: set[Place]) -> None:
    first, second = records(one), records(other)
    assert chosen(first & second) == one & other
    assert chosen(first - second) == one - other
    assert len(first) == len(one)


@given(places, st.dictionaries(st.integers(0, 2), st.integers(0, 3 * PAGE)))
def test_those_behind_an_offset_and_the_gaps_are_counted(one: set[Place], until: dict[int, int]) -> None:
    assert records(one).count_from(until) == sum(offset >= until.get(partition, 0) for partition, offset in one)
    spans = [[offset for at, offset in one if at == partition] for partition in range(3)]
    assert records(one).gaps() == sum(max(span) - min(span) + 1 - len(span) for span in spans if span)


def test_a_table_holds_the_records_of_its_rows_however_often(spark: SparkSession) -> None:
    rows = [("a", 0, 0), ("a", 0, 7), ("a", 0, 7), ("a", 1, PAGE), ("a", 1, 3 * PAGE - 1), ("b", 0, 10**12)]
    found = held(spark.createDataFrame(rows, "topic string, partition int, offset bigint"))
    assert {topic: chosen(each.records) for topic, each in found.items()} == {
        "a": {(0, 0), (0, 7), (1, PAGE), (1, 3 * PAGE - 1)},
        "b": {(0, 10**12)},
    }
    assert {topic: (each.rows, each.doubled) for topic, each in found.items()} == {"a": (5, 1), "b": (1, 0)}
