"""Published models in a real Valkey: whole, in their role, and a day longer once replaced."""

from collections.abc import Iterator

import pytest
from fraud_models import a_packed_model
from valkey_server import ValkeyServer

from pipelines.base.errors import ModelError
from pipelines.models.published import PublishedModels, pointer
from pipelines.online_store.client import Client


@pytest.fixture
def models(server: ValkeyServer) -> Iterator[PublishedModels]:
    """The published models of this test's Valkey."""
    with Client(server.settings) as client:
        yield PublishedModels(client)


def challenger(models: PublishedModels) -> str | None:
    version = models.client.reader.get(pointer("fraud", "challenger"))
    return version.decode() if version else None


def test_a_published_model_comes_back_whole(models):
    assert models.current_version("fraud") is None
    models.publish(a_packed_model("3"))
    assert models.current_version("fraud") == "3"
    assert models.packed("fraud", "3") == a_packed_model("3")


def test_a_replaced_model_goes_after_a_day_and_stays_when_it_returns(models, server):
    for version in ("3", "4"):
        models.publish(a_packed_model(version))
    assert server.client.ttl("model:fraud:3") > 0
    models.publish(a_packed_model("3"))
    assert server.client.ttl("model:fraud:3") == -1
    assert models.current_version("fraud") == "3"


def test_a_model_that_is_not_there_is_an_error_of_the_models(models):
    with pytest.raises(ModelError, match="does not hold model fraud version 9"):
        models.packed("fraud", "9")


def test_a_challenger_is_published_until_it_is_withdrawn_and_then_stays_a_while(models, server):
    models.publish(a_packed_model("1"))
    models.publish(a_packed_model("2"), "challenger")
    assert (models.current_version("fraud"), challenger(models)) == ("1", "2")
    models.withdraw_challenger("fraud")
    assert challenger(models) is None
    assert server.client.ttl("model:fraud:1") == -1
    assert server.client.ttl("model:fraud:2") > 0


def test_a_challenger_that_becomes_the_champion_stays_for_good(models, server):
    models.publish(a_packed_model("1"))
    models.publish(a_packed_model("2"), "challenger")
    models.publish(a_packed_model("2"))
    assert server.client.ttl("model:fraud:1") > 0
    models.publish(a_packed_model("3"), "challenger")
    assert server.client.ttl("model:fraud:2") == -1
    models.publish(a_packed_model("2"), "challenger")
    models.withdraw_challenger("fraud")
    assert server.client.ttl("model:fraud:2") == -1
    assert server.client.ttl("model:fraud:3") > 0
