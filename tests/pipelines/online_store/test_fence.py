"""In a real Valkey: a step that comes late writes nothing, and those of one step do not hinder each
other for long.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from valkey.exceptions import NoPermissionError
from valkey_server import ValkeyServer

from pipelines.online_store import fence
from pipelines.online_store.client import Client


@pytest.fixture
def client(server: ValkeyServer) -> Iterator[Client]:
    """A client that waits for a busy machine."""
    with Client(server.settings) as client:
        yield client


def written(client: Client, number: int, content: bytes, *, begins: bool = True) -> bool:
    return fence.written(client, "fence", number, {"a": content, "b": content}, begins=begins)


@pytest.mark.parametrize("number", [0, 9, 10, 2**53 - 1])
@pytest.mark.parametrize("begins", [True, False])
def test_a_later_step_stays_and_an_earlier_or_the_same_one_does_not(client, number, begins):
    assert written(client, number, b"first")
    assert not written(client, number - 1, b"late", begins=begins)
    assert client.get(["a", "b", "fence"]) == [b"first", b"first", str(number).encode()]
    assert written(client, number, b"again", begins=begins)
    assert client.get(["a", "b"]) == [b"again", b"again"]
    assert written(client, number + 1, b"later", begins=begins)
    assert client.get(["a", "b"]) == [b"later", b"later"]


def test_what_is_to_expire_does_so_from_the_step_that_wrote_it_last(client, server):
    assert fence.written(client, "fence", 1, {"a": b"first", "b": b"first"}, begins=True, expire_s=1000)
    assert 0 < server.client.ttl("a") <= 1000
    assert server.client.ttl("fence") == -1
    assert fence.written(client, "fence", 2, {"a": b"next"}, begins=True, expire_s=5000)
    assert 1000 < server.client.ttl("a") <= 5000
    assert not fence.written(client, "fence", 1, {"a": b"late"}, begins=False, expire_s=1)
    assert server.client.ttl("a") > 1000
    assert written(client, 3, b"for ever")
    assert server.client.ttl("a") == -1


def test_it_takes_one_round_trip_and_leaves_nothing_watched(client, server):
    assert written(client, 4, b"first")
    assert not written(client, 3, b"late")
    server.client.set("fence", 5)  # which would stop the next transaction, were it watched still
    calls = server.client.info("commandstats")
    assert written(client, 5, b"next")
    after = server.client.info("commandstats")
    assert {name: after[f"cmdstat_{name}"]["calls"] - calls[f"cmdstat_{name}"]["calls"] for name in ("watch", "exec")} == {
        "watch": 1,
        "exec": 1,
    }


def test_where_a_later_step_begins_between_the_look_and_the_writing_nothing_is_written(client, server, monkeypatch):
    outcome = fence._outcome

    def in_two(client, key, number, values, expiring, *, begins):
        with client.writer.pipeline() as pipe:  # the same commands, with another step's between them
            pipe.watch(key)
            assert pipe.eval(fence.TOUCH_IF_LATE, 1, key, number) == 0
            monkeypatch.setattr(fence, "_outcome", outcome)
            with Client(server.settings) as other:
                assert written(other, 5, b"later")
            pipe.multi()
            pipe.mset(values)
            return False, pipe.execute()

    monkeypatch.setattr(fence, "_outcome", in_two)
    assert not written(client, 4, b"late")
    assert client.get(["a", "b"]) == [b"later", b"later"]


def test_tasks_of_one_step_that_write_at_the_same_time_all_write(server):
    large = bytes(200_000)

    def task(name: int) -> list[bool]:
        with Client(server.settings) as client:
            return [fence.written(client, "fence", 7, {f"{name}-{i}": large}, begins=i == 0) for i in range(40)]

    with ThreadPoolExecutor(4) as pool:
        assert all(all(each) for each in pool.map(task, range(4)))
    assert len(server.client.keys("*-*")) == 160


def test_what_is_refused_is_the_error_of_the_server(client, server):
    server.client.execute_command("ACL SETUSER default -mset")
    with pytest.raises(NoPermissionError, match="mset"):
        written(client, 4, b"first")
    assert client.get(["a", "fence"]) == [None, None]
