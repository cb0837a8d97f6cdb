"""What the library's tests share: a Spark session with Iceberg on a temporary folder, settings and
a Valkey of a test's own.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from lake_session import lake_session
from pyspark.sql import SparkSession
from valkey_server import ValkeyServer, a_valkey_server

from pipelines.base.settings import settings
from pipelines.fraud.store import FraudStore
from pipelines.online_store.client import Client

PASSWORDS = ("POSTGRES", "VALKEY", "MLFLOW")


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """A local session whose default catalogue `lake` lies in a temporary folder."""
    session = lake_session(tmp_path_factory.mktemp("lake"))
    yield session
    session.stop()


@pytest.fixture
def own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Settings whose state and checkpoints lie in this test's folder."""
    for name in PASSWORDS:
        monkeypatch.setenv(f"TIDEMARK_{name}__PASSWORD", "unit")
    monkeypatch.setenv("TIDEMARK_STATE", str(tmp_path))
    monkeypatch.setenv("TIDEMARK_CHECKPOINTS__PATH", str(tmp_path / "checkpoints"))
    settings.cache_clear()
    yield tmp_path
    settings.cache_clear()


@pytest.fixture
def server() -> Iterator[ValkeyServer]:
    """A real Valkey of this test's own."""
    with a_valkey_server() as running:
        yield running


@pytest.fixture
def hasty_store(server: ValkeyServer) -> Iterator[FraudStore]:
    """The online store in that Valkey, given up as soon as in production: for tests of a store that
    does not answer.
    """
    with Client(server.settings.model_copy(update={"timeout_s": 0.1})) as client:
        yield FraudStore(client)


@pytest.fixture
def store(server: ValkeyServer) -> Iterator[FraudStore]:
    """The online store in that Valkey."""
    with Client(server.settings) as client:
        yield FraudStore(client)


@pytest.fixture
def no_registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Settings that name a schema registry where nothing listens."""
    monkeypatch.setenv("TIDEMARK_SCHEMA_REGISTRY__URL", "http://127.0.0.1:1/apis/ccompat/v7")
    settings.cache_clear()
    yield
    settings.cache_clear()
