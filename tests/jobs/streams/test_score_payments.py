"""The scorer starts only over an online store that keeps every state."""

from collections.abc import Iterator

import pytest
from valkey_server import PASSWORD, ValkeyServer, a_valkey_server

from jobs.streams import score_payments
from pipelines.base.errors import SettingsError
from pipelines.base.settings import settings


@pytest.fixture
def forgetful(monkeypatch: pytest.MonkeyPatch) -> Iterator[ValkeyServer]:
    """A Valkey that drops keys to make room, which the settings name."""
    with a_valkey_server("--maxmemory-policy", "allkeys-lru") as server:
        monkeypatch.setenv("TIDEMARK_VALKEY__PORT", str(server.settings.port))
        monkeypatch.setenv("TIDEMARK_VALKEY__PASSWORD", PASSWORD)
        settings.cache_clear()
        yield server
    settings.cache_clear()


@pytest.mark.usefixtures("forgetful")
def test_over_a_store_that_drops_keys_it_does_not_start_and_asks_neither_spark_nor_mlflow() -> None:
    with pytest.raises(SettingsError, match="has the maxmemory-policy allkeys-lru"):
        score_payments.start(None)
