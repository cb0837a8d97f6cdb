"""A server that may drop keys, or holds only some of them, is refused before anything starts; one
that does not say is used with a warning.
"""

import pytest
from structlog.testing import capture_logs
from valkey_server import ValkeyServer, a_valkey_server

from pipelines.base.errors import SettingsError
from pipelines.online_store.suitability import require_suitable
from stack.ports import some_free


def warnings(server: ValkeyServer) -> list[str]:
    """Require that a server is suitable, and return what is logged."""
    with capture_logs() as logs:
        require_suitable(server.settings)
    return [line["event"] for line in logs]


def test_a_server_that_never_drops_a_key_will_do(server):
    server.client.config_set("maxmemory", "40mb")
    assert warnings(server) == []


@pytest.mark.parametrize("policy", ["allkeys-lru", "allkeys-lfu", "allkeys-random", "volatile-lru", "volatile-ttl"])
def test_a_server_that_drops_keys_is_refused_in_a_sentence(server, policy):
    server.client.config_set("maxmemory-policy", policy)
    with pytest.raises(
        SettingsError, match=f"{server.settings.port} has the maxmemory-policy {policy}, .* set it to noeviction"
    ):
        require_suitable(server.settings)


def test_a_server_of_a_cluster_is_refused_in_a_sentence(tmp_path):
    (bus,) = some_free(1)
    options = ["--cluster-enabled", "yes", "--cluster-config-file", str(tmp_path / "nodes"), "--cluster-port", str(bus)]
    with a_valkey_server(*options) as server, pytest.raises(SettingsError, match="is in cluster mode"):
        require_suitable(server.settings)


def test_a_server_that_forbids_config_is_asked_all_the_same(server):
    server.client.execute_command("ACL SETUSER default -config")
    assert warnings(server) == []


def test_a_server_that_does_not_say_how_it_is_set_up_is_used_with_a_warning(server):
    server.client.execute_command("ACL SETUSER default -info")
    assert warnings(server) == ["online_store_not_checked"]


def test_a_server_that_is_away_is_not_waited_for(server):
    server.stop()
    assert warnings(server) == ["online_store_not_checked"]
