"""States in a real Valkey: a batch done again starts where it first did, every other one where the
last one ended; what two tasks of a batch write is joined.
"""

import uuid
from collections.abc import Iterator, Sequence
from itertools import count

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs
from valkey_server import ValkeyServer, a_valkey_server

from pipelines.base.arrays import Records
from pipelines.base.errors import CheckpointError
from pipelines.online_store.client import Client
from pipelines.online_store.two_version_records import Batch, TwoVersionRecords, two_versions

QUERY, OTHER = str(uuid.UUID(int=1)), str(uuid.UUID(int=2))
SET = np.dtype([("bits", "u8")])  # a state: a set of small numbers
KIND = two_versions(SET)


@pytest.fixture
def records(server: ValkeyServer) -> Iterator[TwoVersionRecords]:
    """Records of sets in this test's Valkey."""
    with Client(server.settings) as client:
        yield TwoVersionRecords(client, KIND)


def sets(*bits: int) -> Records:
    return np.array([(each,) for each in bits], SET)


def join(states: Records, others: Records) -> None:
    states["bits"] |= others["bits"]


def starting(records: TwoVersionRecords, batch: Batch, *keys: str) -> list[int]:
    bits: list[int] = records.starting(records.client.get(keys), batch)["bits"].tolist()
    return bits


def latest(records: TwoVersionRecords, *keys: str) -> list[int]:
    bits: list[int] = records.latest(records.client.get(keys))["bits"].tolist()
    return bits


def test_the_next_batch_starts_after_and_the_same_batch_before(records):
    records.write(["a", "b"], sets(1, 2), sets(11, 12), Batch(QUERY, 4))
    assert starting(records, Batch(QUERY, 4), "a", "b", "c") == [1, 2, 0]
    assert starting(records, Batch(QUERY, 5), "b", "a") == [12, 11]
    assert starting(records, Batch(OTHER, 4), "a") == [11]
    assert latest(records, "b", "c", "a") == [12, 0, 11]


def test_what_is_read_may_be_changed(records):
    for states in (records.starting([None], Batch(QUERY, 0)), records.latest([None])):
        states["bits"] += 1
        assert states["bits"].tolist() == [1]


def test_a_checkpoint_that_was_set_back_is_refused(records):
    records.write(["a"], sets(1), sets(2), Batch(QUERY, 4))
    with pytest.raises(CheckpointError, match="later batch than 3"):
        starting(records, Batch(QUERY, 3), "a")
    assert starting(records, Batch(OTHER, 3), "a") == [2]


def test_a_record_is_two_states_and_three_numbers():
    assert KIND.itemsize == 2 * SET.itemsize + 24


def test_tasks_of_a_batch_that_write_one_state_keep_what_all_have_seen(records):
    for after in (sets(0b11), sets(0b101), sets(0b11)):
        records.write_joined(["p"], sets(1), after, Batch(QUERY, 4), join)
    assert starting(records, Batch(QUERY, 5), "p") == [0b111]
    assert starting(records, Batch(QUERY, 4), "p") == [1]
    records.write_joined(["p"], sets(0b111), sets(0b1000), Batch(QUERY, 5), join)
    assert latest(records, "p") == [0b1000], "another batch's is replaced"


def test_a_task_that_writes_while_another_joins_is_not_forgotten(records, monkeypatch):
    others = iter([sets(0b100), sets(0b1000)])
    get_written = records.client.get_written

    def slowly(keys):
        found = get_written(keys)
        for after in others:
            records.write_joined(["p"], sets(0), after, Batch(QUERY, 4), join)
        return found

    records.write_joined(["p"], sets(0), sets(1), Batch(QUERY, 4), join)
    monkeypatch.setattr(records.client, "get_written", slowly)
    records.write_joined(["p"], sets(0), sets(0b10), Batch(QUERY, 4), join)
    assert latest(records, "p") == [0b1111]


def test_many_states_are_joined_each_with_its_own(records):
    names, numbers = [f"state-{i}" for i in range(1203)], np.arange(1, 1204)
    for after in (numbers, numbers << 32):
        records.write_joined(names, sets(*[0] * 1203), sets(*after), Batch(QUERY, 0), join)
    assert latest(records, *names) == (numbers | numbers << 32).tolist()


def test_a_batch_that_comes_late_fails_in_a_sentence_and_is_logged_once_with_how_many_states(records):
    names = [f"state-{i}" for i in range(1203)]
    records.write(names, sets(*[0] * 1203), sets(*[1] * 1203), Batch(QUERY, 5))
    with (
        capture_logs() as logs,
        pytest.raises(CheckpointError, match=r"Batch 4 .* came late: a later one has been written, so 1203 of its states"),
    ):
        records.write(names, sets(*[0] * 1203), sets(*[2] * 1203), Batch(QUERY, 4))
    assert [(line["event"], line["batch"], line["states"]) for line in logs] == [("batch_came_late", 4, 1203)]
    assert latest(records, *names) == [1] * 1203


def test_a_task_that_joins_what_meanwhile_has_become_a_later_batchs_leaves_it(records, monkeypatch):
    get_written = records.client.get_written

    def slowly(keys):
        found = get_written(keys)
        records.write_joined(["p"], sets(1), sets(0b100), Batch(QUERY, 5), join)
        return found

    records.write_joined(["p"], sets(0), sets(1), Batch(QUERY, 4), join)
    monkeypatch.setattr(records.client, "get_written", slowly)
    with pytest.raises(CheckpointError, match="came late"):
        records.write_joined(["p"], sets(0), sets(0b10), Batch(QUERY, 4), join)
    assert latest(records, "p") == [0b100]


KEYS = ["a", "b", "c"]
# Who writes, the one who was replaced or its successor, and which states; each writes one batch
# after the other.
INTERLEAVINGS = st.lists(
    st.tuples(st.sampled_from([0, 1]), st.lists(st.sampled_from(KEYS), min_size=1, unique=True)), max_size=8
)


@pytest.fixture(scope="module")
def lasting_records() -> Iterator[TwoVersionRecords]:
    """Records of sets in one Valkey for many examples."""
    with a_valkey_server() as server, Client(server.settings) as client:
        yield TwoVersionRecords(client, KIND)


@pytest.mark.parametrize("joined", [False, True], ids=["one task has a state", "tasks share a state"])
@settings(max_examples=60)
@given(interleaving=INTERLEAVINGS)
def test_however_an_old_and_a_new_writer_alternate_the_newest_batch_stays(
    lasting_records: TwoVersionRecords, joined: bool, interleaving: Sequence[tuple[int, list[str]]]
) -> None:
    records, numbers = lasting_records, (count(5), count(5))
    records.client.writer.flushall()
    written: dict[str, list[tuple[int, int]]] = {key: [] for key in KEYS}  # (batch, state), in order
    for bit, (writer, keys) in enumerate(interleaving):
        number, state = next(numbers[writer]), 1 << bit
        states = sets(*[0] * len(keys)), sets(*[state] * len(keys))
        # What one task has is fenced by query, what tasks share state by state.
        compared = keys if joined else KEYS
        is_late = any(batch > number for key in compared for batch, _ in written[key])
        try:
            if joined:
                records.write_joined(keys, *states, Batch(QUERY, number), join)
            else:
                records.write(keys, *states, Batch(QUERY, number))
        except CheckpointError:
            assert is_late
        else:
            assert not is_late
        for key in keys if joined or not is_late else []:
            written[key].append((number, state))
    for key in KEYS:
        newest = [state for batch, state in written[key] if batch == max(written[key])[0]]
        expected = sum(newest) if joined else newest[-1] if newest else 0
        assert latest(records, key) == [expected]
