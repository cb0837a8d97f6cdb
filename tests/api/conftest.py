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
from pipelines.online_store.client import OnlineStore


@pytest.fixture
def server() -> Iterator[ValkeyServer]:
    """A real Valkey of this test's own."""
    with a_valkey_server() as running:
        yield running


@pytest.fixture
def store(server: ValkeyServer) -> Iterator[OnlineStore]:
    """The online store in that Valkey, with a published model."""
    made = OnlineStore(server.settings)
    made.publish(a_packed_model("1"))
    yield made
    made.close()


@pytest.fixture
def told(server: ValkeyServer) -> Callable[..., Settings]:
    """Return what makes settings that name the test's Valkey, with changes to the section of the
    API.
    """

    def make(**changes: object) -> Settings:
        api = settings().api.model_copy(update={"store_within_ms": PATIENCE_S * 1000, **changes})
        return settings().model_copy(update={"api": api, "valkey": server.settings})

    return make


@pytest.fixture
def client(store: OnlineStore, told: Callable[..., Settings]) -> Iterator[TestClient]:
    """A client of the running API with a valid key; a model is published."""
    with TestClient(application(told()), headers={HEADER: KEY}, raise_server_exceptions=False) as made:
        yield made
