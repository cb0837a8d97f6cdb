"""What recommendations keep in the online store comes back as it was, and is forgotten in time."""

import json
import uuid

import numpy as np
import pytest

from pipelines.base.errors import CheckpointError, ServiceUnreachable
from pipelines.online_store.two_version_records import Batch
from pipelines.recommendations.features.session import new_sessions, product_hashes
from pipelines.recommendations.store import SESSION_RECORD, StoredList, Unavailable

pytestmark = pytest.mark.programs

QUERY = str(uuid.UUID(int=1))
LIST = StoredList(
    "recommendation-e1", 1, "w1", ["p1"], [0.5], ["trending"], ["session"], "trending", "session", [0, 0, 0, 0],
    "recommendations", "7", 3, False, 2,
)  # fmt: skip


def states(*clicks: int) -> np.ndarray:
    made = new_sessions(len(clicks))
    made["clicks"] = clicks
    return made


def test_a_batch_done_again_starts_from_the_states_before_and_the_next_from_those_after(store):
    store.write(["a", "b"], states(1, 2), states(3, 4), Batch(QUERY, 5), {"a": LIST})
    assert store.read(["b", "a", "c"], Batch(QUERY, 5), "m").states["clicks"].tolist() == [2, 1, 0]
    assert store.read(["b", "a", "c"], Batch(QUERY, 6), "m").states["clicks"].tolist() == [4, 3, 0]
    with pytest.raises(CheckpointError, match="later batch than 4"):
        store.read(["a"], Batch(QUERY, 4), "m")


def test_a_batch_that_comes_late_leaves_neither_states_nor_lists(store):
    store.write(["a"], states(1), states(2), Batch(QUERY, 5), {"a": LIST})
    with pytest.raises(CheckpointError, match="came late"):
        store.write(["a"], states(7), states(8), Batch(QUERY, 4), {"a": StoredList(**{**vars(LIST), "event_us": 99})})
    found = store.peek(["a"], "m")
    assert (found.states["clicks"].tolist(), found.lists) == ([2], [LIST])


def test_lists_come_back_as_they_were_and_none_is_none(store):
    store.write(["a", "b"], states(1, 2), states(3, 4), Batch(QUERY, 5), {"a": LIST})
    assert store.peek(["b", "a"], "m").lists == [None, LIST]


@pytest.mark.parametrize("value", [None, b"", b"{", b"[]", b"7", json.dumps({"products": []}).encode(), b"\xff"])
def test_what_is_no_list_is_none(value):
    assert StoredList.of_bytes(value) is None


def test_all_of_it_is_forgotten_in_time_and_a_thousand_sessions_too(store):
    many = [f"s{number}" for number in range(1200)]
    store.write(many, states(*[1] * 1200), states(*[2] * 1200), Batch(QUERY, 0), dict.fromkeys(many, LIST))
    client = store.client.reader
    keys = client.keys("session:*") + client.keys("recommended:*")
    assert len(keys) == 2400
    assert all(0 < client.ttl(key) <= 7200 for key in keys)
    store.forget_sessions()
    assert not client.keys("session:*") + client.keys("recommended:*")


def test_what_cannot_be_bought_is_followed(store):
    following = Unavailable()
    following.follow(store.read([], Batch(QUERY, 0), "m").unavailable_us, store)
    assert (following.known_us, len(following.products)) == (0, 0)
    store.write_unavailable(product_hashes(["p2", "p1"]), 17)
    following.follow(store.peek(["a"], "m").unavailable_us, store)
    assert following.known_us == 17
    assert following.products.tolist() == sorted(product_hashes(["p1", "p2"]).tolist())


def test_a_store_that_is_away_is_said_to_be(hasty_store, server):
    server.freeze()
    with pytest.raises(ServiceUnreachable, match="read session states"):
        hasty_store.peek(["a"], "m")
    server.thaw()


def test_a_session_takes_some_hundred_bytes():
    assert SESSION_RECORD.itemsize < 1000
