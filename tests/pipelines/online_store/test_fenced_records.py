"""In a real Valkey: a record that comes late changes nothing, whoever else writes meanwhile."""

from collections.abc import Iterator

import numpy as np
import pytest
from valkey_server import ValkeyServer

from pipelines.base.arrays import Records
from pipelines.online_store.client import KEYS_PER_COMMAND, Client, decoded
from pipelines.online_store.fenced_records import FencedRecords

KIND = np.dtype([("of", "i8"), ("content", "i8"), ("number", "i8")])
LARGEST = 2**53 - 1


@pytest.fixture
def fenced(server: ValkeyServer) -> Iterator[FencedRecords]:
    """Records that are compared where they are of the same, by their number."""
    with Client(server.settings) as client:
        yield FencedRecords(client, KIND, 8, "number")


def record(number: int, content: int, of: int = 1) -> Records:
    return np.array([(of, content, number)], KIND)


def held(fenced: FencedRecords, *keys: str) -> list[int]:
    contents: list[int] = decoded(fenced.client.get(keys), KIND)["content"].tolist()
    return contents


def late(fenced: FencedRecords, written: Records) -> int:
    return fenced.write(["a"], written)


@pytest.mark.parametrize("number", [0, 255, 256, LARGEST])
def test_a_newer_record_stays_and_an_older_one_or_one_of_the_same_number_does_not(fenced, number):
    assert late(fenced, record(number, 1)) == 0
    assert late(fenced, record(number - 1, 2)) == 1
    assert held(fenced, "a") == [1]
    assert late(fenced, record(number, 3)) == 0
    assert held(fenced, "a") == [3]
    assert late(fenced, record(number + 1, 4)) == 0
    assert held(fenced, "a") == [4]


def test_records_of_another_are_older_whatever_their_number(fenced):
    late(fenced, record(9, 1, of=1))
    assert late(fenced, record(3, 2, of=2)) == 0
    assert held(fenced, "a") == [2]


def test_a_value_of_another_size_is_no_record(fenced):
    fenced.client.writer.set("a", record(9, 1).tobytes() + b"more")
    assert late(fenced, record(3, 2)) == 0
    assert held(fenced, "a") == [2]


def test_of_many_records_those_that_come_late_are_counted_and_the_others_written(fenced):
    count = 2 * KEYS_PER_COMMAND + 7
    keys = [f"key-{i}" for i in range(count)]
    newer = np.arange(0, count, 3)
    first, second = np.zeros(count, KIND), np.zeros(count, KIND)
    first["number"][newer], first["content"] = 5, 1
    second["number"], second["content"] = 3, 2
    assert fenced.write(keys, first) == 0
    assert fenced.write(keys, second) == len(newer)
    expected = np.full(count, 2)
    expected[newer] = 1
    assert held(fenced, *keys) == expected.tolist()
