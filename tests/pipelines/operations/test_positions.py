"""Sets of records are what sets of (partition, offset) are, at a byte a record."""

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from pipelines.operations.positions import PAGE, Positions, copies, ends, held_by_topic, oldest, told_apart

Place = tuple[int, int]
places = st.sets(st.tuples(st.integers(0, 2), st.integers(0, 3 * PAGE)), max_size=60)


def columns(chosen: list[Place]) -> list[np.ndarray]:
    return [np.array([place[number] for place in chosen], np.int64) for number in range(2)]


def records(chosen: set[Place]) -> Positions:
    found = Positions()
    found.add(*columns(list(chosen)))
    return found


def chosen(of: Positions) -> set[Place]:
    return {(partition, int(offset)) for partition, offsets in of.offsets() for offset in offsets}


@given(places, places)
def test_they_combine_as_sets_do(one: set[Place], other: set[Place]) -> None:
    first, second = records(one), records(other)
    assert chosen(first & second) == one & other
    assert chosen(first - second) == one - other
    assert len(first) == len(one)


@given(places, places)
def test_they_combine_to_all_of_both_and_know_what_they_have(one: set[Place], other: set[Place]) -> None:
    assert chosen(records(one) | records(other)) == one | other
    some = sorted(one | other)
    assert records(one).has(*columns(some)).tolist() == [place in one for place in some]


@given(places, st.dictionaries(st.integers(0, 2), st.integers(0, 3 * PAGE)))
def test_those_before_an_offset_and_the_gaps_are_found(one: set[Place], until: dict[int, int]) -> None:
    assert chosen(records(one).before(until)) == {(partition, at) for partition, at in one if at < until.get(partition, 0)}
    spans = [[offset for at, offset in one if at == partition] for partition in range(3)]
    assert len(records(one).gaps()) == sum(max(span) - min(span) + 1 - len(span) for span in spans if span)


def batch(*rows: tuple[str, int, int, bytes | None]) -> pa.RecordBatch:
    topics, partitions, offsets, values = zip(*rows, strict=True)
    arrays = {
        "partition": pa.array(partitions, pa.int32()),
        "offset": pa.array(offsets, pa.int64()),
        "topic": pa.array(topics, pa.large_string()),
        "value": pa.array(values, pa.large_binary()),
    }
    return pa.record_batch(arrays)


@given(places)
def test_their_columns_are_their_places(one: set[Place]) -> None:
    partitions, offsets = records(one).columns()
    assert set(zip(partitions.tolist(), offsets.tolist(), strict=True)) == one


def test_a_table_holds_the_records_of_its_rows_however_often() -> None:
    first = batch(("a", 0, 0, b""), ("a", 0, 7, b""), ("b", 0, 10**12, b""))
    second = batch(("a", 0, 7, b""), ("a", 1, PAGE, b""), ("a", 1, 3 * PAGE - 1, b""))
    found = held_by_topic([first, second])
    assert {topic: chosen(each.positions) for topic, each in found.items()} == {
        "a": {(0, 0), (0, 7), (1, PAGE), (1, 3 * PAGE - 1)},
        "b": {(0, 10**12)},
    }
    assert {topic: (each.rows, each.doubled) for topic, each in found.items()} == {"a": (5, 1), "b": (1, 0)}


def test_copies_have_the_bytes_of_a_record_that_is_held_wherever_they_lie() -> None:
    first = batch(("a", 0, 0, b"copied later"), ("a", 0, 1, b"held"), ("a", 1, 0, None), ("a", 1, 1, b"alone"))
    second = batch(("a", 0, PAGE, b"held"), ("a", 0, PAGE + 1, b"copied later"), ("a", 0, PAGE + 2, b"passed over"))
    rows = [each.select(["partition", "offset", "value"]) for each in (first, second)]
    loose = records({(0, 0), (0, PAGE), (1, 0), (1, 1)})
    assert chosen(copies(rows, records({(0, 1), (0, PAGE + 1)}), loose)) == {(0, 0), (0, PAGE)}
    assert not copies([], records(set()), loose)


def test_ends_are_behind_the_last_offset_of_each_partition() -> None:
    assert ends([batch(("a", 0, 7, b""), ("a", 1, 0, b"")), batch(("a", 0, 3, b""), ("b", 2, 5, b""))]) == {
        "a": {0: 8, 1: 1},
        "b": {2: 6},
    }


def test_the_oldest_is_the_earliest_of_those_chosen() -> None:
    def at(second: int) -> datetime:
        return datetime(2026, 1, 1, 0, 0, second, tzinfo=UTC)

    rows = [
        pa.record_batch({"partition": [0, 0], "offset": [0, 1], "timestamp": [at(1), at(9)]}),
        pa.record_batch({"partition": [0], "offset": [2], "timestamp": [at(5)]}),
        pa.record_batch({"partition": [1], "offset": [0], "timestamp": [at(0)]}),
    ]
    assert oldest(rows, records({(0, 1), (0, 2)})) == at(5)
    none = pa.record_batch({"partition": [0], "offset": [3], "timestamp": [datetime(1970, 1, 1, tzinfo=UTC)]})
    assert oldest([*rows, none], records({(0, 1), (0, 3)})) == at(9), "a record without a time of arrival is not old"
    assert oldest([none], records({(0, 3)})) is None


def test_incarnations_of_a_topic_are_told_apart_by_the_time_of_arrival() -> None:
    def at(second: int) -> datetime:
        return datetime(2026, 1, 1, 0, 0, second, tzinfo=UTC)

    times = pa.array([at(1), at(4), at(5), at(9), at(9)], pa.timestamp("us", tz="UTC"))
    rows = pa.record_batch(
        {"partition": pa.array([0, 1, 1, 0, 1], pa.int32()), "offset": [7, 0, 0, 7, 3], "topic": [*"aaaab"], "timestamp": times}
    )
    begun = {"a": [int(at(5).timestamp() * 1e6), int(at(9).timestamp() * 1e6)]}
    found = held_by_topic(told_apart([rows], begun))
    assert [chosen(found["a"].positions.incarnation(number)) for number in range(3)] == [{(0, 7), (1, 0)}, {(1, 0)}, {(0, 7)}]
    assert chosen(found["b"].positions) == {(1, 3)}
    assert (found["a"].rows, found["a"].doubled) == (4, 0)
    second = found["a"].positions.incarnation(2)
    assert chosen(second.as_incarnation(2) & found["a"].positions) == chosen(second.as_incarnation(2)) != chosen(second)

    of_one = told_apart([rows.select(["partition", "offset", "timestamp"])], begun, "a")
    assert [batch.schema.names for batch in of_one] == [["partition", "offset"]]
