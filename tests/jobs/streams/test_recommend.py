"""The recommender starts only over an online store that keeps every state, and with an experiment
that can be dealt out.
"""

from collections.abc import Iterator

import pytest
from valkey_server import PASSWORD, ValkeyServer, a_valkey_server

from jobs.streams import recommend
from pipelines.base.errors import SettingsError
from pipelines.base.settings import settings
from pipelines.recommendations.experiment import ExperimentError


@pytest.fixture
def over(monkeypatch: pytest.MonkeyPatch, policy: str) -> Iterator[ValkeyServer]:
    """A Valkey with a policy of its own, which the settings name."""
    with a_valkey_server("--maxmemory-policy", policy) as server:
        monkeypatch.setenv("TIDEMARK_VALKEY__PORT", str(server.settings.port))
        monkeypatch.setenv("TIDEMARK_VALKEY__PASSWORD", PASSWORD)
        settings.cache_clear()
        yield server
    settings.cache_clear()


@pytest.mark.usefixtures("over")
@pytest.mark.parametrize("policy", ["allkeys-lru"])
def test_over_a_store_that_drops_keys_it_does_not_start_and_asks_neither_spark_nor_mlflow(policy: str) -> None:
    with pytest.raises(SettingsError, match="has the maxmemory-policy allkeys-lru"):
        recommend.start(None)


@pytest.mark.usefixtures("over")
@pytest.mark.parametrize("policy", ["noeviction"])
def test_an_experiment_of_unknown_variants_is_refused_at_the_start(policy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEMARK_RECOMMENDATIONS__VARIANTS__SESSIONS", "0.5")
    settings.cache_clear()
    with pytest.raises(ExperimentError, match="sessions"):
        recommend.start(None)
