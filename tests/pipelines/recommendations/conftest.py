"""What the tests of recommendations share: their part of a real online store."""

from collections.abc import Iterator

import pytest
from recommenders import KEPT_S
from valkey_server import ValkeyServer

from pipelines.online_store.client import Client
from pipelines.recommendations.store import RecommendationStore


@pytest.fixture
def store(server: ValkeyServer) -> Iterator[RecommendationStore]:
    """The recommendations' part of a Valkey of this test's own."""
    with Client(server.settings) as client:
        yield RecommendationStore(client, KEPT_S)


@pytest.fixture
def hasty_store(server: ValkeyServer) -> Iterator[RecommendationStore]:
    """The same, given up as soon as in production."""
    with Client(server.settings.model_copy(update={"timeout_s": 0.1})) as client:
        yield RecommendationStore(client, KEPT_S)
