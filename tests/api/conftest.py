"""What the API's tests share: a Valkey of a test's own, settings that name it, and a client with a
key.
"""

from collections.abc import Callable, Iterator

import pytest
from api_payments import KEY
from fastapi.testclient import TestClient
from fraud_models import a_packed_model
from valkey_server import PATIENCE_S, ValkeyServer, a_valkey_server

from api.app import application
from api.keys import HEADER
from pipelines.base.settings import Settings, settings
from pipelines.fraud.store import FraudStore
from pipelines.online_store.client import Client


@pytest.fixture
def server() -> Iterator[ValkeyServer]:
    """A real Valkey of this test's own."""
    with a_valkey_server() as running:
        yield running


@pytest.fixture
def store(server: ValkeyServer) -> Iterator[FraudStore]:
    """The online store in that Valkey, with a published model."""
    with Client(server.settings) as client:
        made = FraudStore(client)
        made.models.publish(a_packed_model("1"))
        yield made


@pytest.fixture
def settings_with(server: ValkeyServer) -> Callable[..., Settings]:
    """Return what makes settings that name the test's Valkey, with changes to the section of the
    API.
    """

    def make(**changes: object) -> Settings:
        api = settings().api.model_copy(update={"store_within_ms": PATIENCE_S * 1000, **changes})
        return settings().model_copy(update={"api": api, "valkey": server.settings})

    return make


@pytest.fixture
def client(store: FraudStore, settings_with: Callable[..., Settings]) -> Iterator[TestClient]:
    """A client of the running API with a valid key; a model is published."""
    with TestClient(application(settings_with()), headers={HEADER: KEY}, raise_server_exceptions=False) as made:
        yield made
