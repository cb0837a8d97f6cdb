"""What these tests share: a store with a published recommender, and a client of the running API."""

from collections.abc import Callable, Iterator

import pytest
from api_payments import KEY
from api_sessions import a_packed_recommender
from fastapi.testclient import TestClient
from valkey_server import ValkeyServer

from api.app import application
from api.keys import HEADER
from pipelines.base.settings import Settings, settings
from pipelines.online_store.client import Client
from pipelines.recommendations.store import RecommendationStore


@pytest.fixture
def store(server: ValkeyServer) -> Iterator[RecommendationStore]:
    """The online store in the test's Valkey, with a published recommender and no fraud model."""
    with Client(server.settings) as client:
        made = RecommendationStore(client, settings().recommendations.kept_s)
        made.models.publish(a_packed_recommender())
        yield made


@pytest.fixture
def client(store: RecommendationStore, settings_with: Callable[..., Settings]) -> Iterator[TestClient]:
    """A client of the running API with a valid key; a recommender is published."""
    with TestClient(application(settings_with()), headers={HEADER: KEY}, raise_server_exceptions=False) as made:
        yield made
