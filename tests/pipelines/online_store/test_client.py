"""The client gives up soon, says what it could not do without naming a card, and works again when
the server does.
"""

from contextlib import suppress

import numpy as np
import pytest
from valkey_server import ValkeyServer
from waiting import until

from pipelines.base.errors import ServiceUnreachable
from pipelines.online_store.client import KEYS_PER_COMMAND, Client, decoded

NUMBER = np.dtype([("number", "i8")])


@pytest.fixture
def client(server: ValkeyServer) -> Client:
    """A client that waits for a busy machine."""
    with Client(server.settings) as client:
        yield client


@pytest.fixture
def hasty(server: ValkeyServer) -> Client:
    """A client that gives up as soon as in production."""
    with Client(server.settings.model_copy(update={"timeout_s": 0.1})) as client:
        yield client


def numbers(*values: int) -> np.ndarray:
    return np.array([(value,) for value in values], NUMBER)


def test_more_keys_than_one_command_takes_come_back_in_order(client):
    keys = [f"key-{i}" for i in range(2 * KEYS_PER_COMMAND + 1)]
    client.put_records(keys, lambda some: numbers(*range(len(keys)))[some])
    backwards = list(range(len(keys)))[::-1]
    assert decoded(client.get(keys[::-1]), NUMBER)["number"].tolist() == backwards
    assert decoded(client.get_written(keys[::-1]), NUMBER)["number"].tolist() == backwards
    ahead, values = client.get_after(["key-3", "absent"], keys[::-1])
    assert decoded(ahead, NUMBER)["number"].tolist() == [3, 0]
    assert decoded(values, NUMBER)["number"].tolist() == backwards


def commands(client: Client) -> dict[str, int]:
    """Return how often the server was sent each command."""
    return {name.removeprefix("cmdstat_"): of["calls"] for name, of in client.reader.info("commandstats").items()}


@pytest.mark.parametrize(("keys", "mgets"), [(0, 1), (1, 2), (KEYS_PER_COMMAND, 2), (KEYS_PER_COMMAND + 1, 3)])
def test_a_few_keys_ahead_and_the_rest_take_as_few_commands_as_they_can(client, keys, mgets):
    before = commands(client).get("mget", 0)
    assert client.get_after(["ahead"], [f"key-{i}" for i in range(keys)]) == ([None], [None] * keys)
    assert commands(client)["mget"] == before + mgets


def test_what_matches_a_pattern_is_removed_however_much_it_is(client):
    keys = [f"gone-{i}" for i in range(KEYS_PER_COMMAND + 1)]
    client.put_records([*keys, "stays"], lambda some: numbers(*range(len(keys) + 1))[some])
    client.remove_matching("gone-*")
    assert client.reader.keys("*") == [b"stays"]


def test_a_value_of_another_size_and_none_are_zeros():
    found = decoded([None, b"short", numbers(7).tobytes()], NUMBER)
    assert found["number"].tolist() == [0, 0, 7]


def test_a_stopped_server_is_one_sentence_without_the_password(client, server):
    server.stop()
    with (
        pytest.raises(ServiceUnreachable, match=f"Could not read: the online store at {client.place} says") as caught,
        client.doing("read"),
    ):
        client.get(["key"])
    assert server.settings.password.get_secret_value() not in str(caught.value)


def test_a_frozen_server_is_given_up_soon(hasty, server):
    server.freeze()
    with pytest.raises(ServiceUnreachable), hasty.doing("write"):
        hasty.put_records(["key"], lambda some: numbers(1)[some])


def test_a_server_that_comes_back_is_used_again(client, hasty, server):
    def answers() -> bool:
        with suppress(ServiceUnreachable), hasty.doing("read"):
            return decoded(hasty.get(["key"]), NUMBER)["number"].tolist() == [2]
        return False

    client.put_records(["key"], lambda some: numbers(2)[some])
    until(answers, "the store answers")
    server.freeze()
    with pytest.raises(ServiceUnreachable), hasty.doing("read"):
        hasty.get(["key"])
    server.thaw()
    until(answers, "the store answers again")


def test_a_closed_client_leaves_no_connection(server):
    with Client(server.settings) as client:
        client.get(["key"])
        client.put_records(["key"], lambda some: numbers(1)[some])
        assert server.client.info("clients")["connected_clients"] == 3
    until(lambda: server.client.info("clients")["connected_clients"] == 1, "only the one that asks is left")
