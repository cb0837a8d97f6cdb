"""The client gives up soon, says what it could not do without naming a card, and works again when
the server does.
"""

from collections.abc import Sequence
from contextlib import suppress

import numpy as np
import pytest
from fraud_models import a_packed_model
from slow_proxy import a_slow_proxy
from valkey_server import ValkeyServer, a_valkey_server
from waiting import until

from pipelines.base.errors import ServiceRefused, ServiceUnreachable
from pipelines.models.published import PublishedModels
from pipelines.online_store.client import KEYS_PER_COMMAND, Client, decoded
from pipelines.online_store.fenced_records import FencedRecords

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


def put(client: Client, keys: Sequence[str], *values: int) -> None:
    FencedRecords(client, NUMBER, 0, "number").write(keys, numbers(*values))


def test_more_keys_than_one_command_takes_come_back_in_order(client):
    keys = [f"key-{i}" for i in range(2 * KEYS_PER_COMMAND + 1)]
    put(client, keys, *range(len(keys)))
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
    put(client, [*keys, "stays"], *range(len(keys) + 1))
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
        put(hasty, ["key"], 1)


def test_a_server_that_comes_back_is_used_again(client, hasty, server):
    def answers() -> bool:
        with suppress(ServiceUnreachable), hasty.doing("read"):
            return decoded(hasty.get(["key"]), NUMBER)["number"].tolist() == [2]
        return False

    put(client, ["key"], 2)
    until(answers, "the store answers")
    server.freeze()
    with pytest.raises(ServiceUnreachable), hasty.doing("read"):
        hasty.get(["key"])
    server.thaw()
    until(answers, "the store answers again")


def test_a_closed_client_leaves_no_connection(server):
    with Client(server.settings) as client:
        client.get(["key"])
        put(client, ["key"], 1)
        assert server.client.info("clients")["connected_clients"] == 3
    until(lambda: server.client.info("clients")["connected_clients"] == 1, "only the one that asks is left")


def test_what_takes_the_place_of_the_server_behind_the_same_name_is_written_to_and_read_from(server):
    with a_valkey_server() as successor, a_slow_proxy(server.settings.port) as name:
        with Client(server.settings.model_copy(update={"port": name.port})) as client:
            put(client, ["key"], 1)
            client.get(["key"])  # so that the reader, too, is connected with the old one
            server.client.replicaof("127.0.0.1", "1")
            name.target = successor.settings.port
            put(client, ["key"], 2)
            assert decoded(client.get(["key"]), NUMBER)["number"].tolist() == [2]
        assert decoded([successor.client.get("key")], NUMBER)["number"].tolist() == [2]


def test_a_model_that_meets_a_replica_is_published_at_the_next_try_by_the_servers_successor(server):
    with (
        a_valkey_server() as successor,
        a_slow_proxy(server.settings.port) as name,
        Client(server.settings.model_copy(update={"port": name.port})) as client,
    ):
        models = PublishedModels(client)
        models.publish(a_packed_model("1"))
        server.client.replicaof("127.0.0.1", "1")
        name.target = successor.settings.port
        with pytest.raises(ServiceUnreachable, match="read only"):
            models.publish(a_packed_model("2"))
        models.publish(a_packed_model("2"))
        assert models.current_version("fraud") == "2"


def refusal(client: Client) -> bool:
    """Return whether writing fails because the server will not, and not because it cannot now."""
    with pytest.raises(ServiceUnreachable) as caught, client.doing("write"):
        put(client, ["key"], 1)
    return isinstance(caught.value, ServiceRefused)


def test_a_server_that_will_not_is_told_from_one_that_cannot_now(client, server):
    put(client, ["key"], 1)
    server.client.replicaof("127.0.0.1", "1")
    assert not refusal(client)
    server.client.replicaof("NO", "ONE")
    server.client.execute_command("ACL SETUSER default -mset")
    assert refusal(client)
    server.client.config_set("requirepass", "another")
    client.reconnect()
    assert refusal(client)
    server.stop()
    assert not refusal(client)
