"""With a store that fails, stalls or has lost its data, lists are made of what requests say, or of
what is trending; marked and counted.
"""

from collections.abc import Callable

import pytest
from api_payments import KEY, PATH, a_body
from api_sessions import (
    ITEMS,
    NAME,
    SESSION,
    SIMILAR,
    Did,
    a_packed_recommender,
    a_session,
    now_us,
    products_of,
    stream,
    visitors,
)
from fastapi.testclient import TestClient
from fraud_models import a_packed_model
from slow_proxy import a_slow_proxy
from structlog.testing import capture_logs
from valkey_server import PATIENCE_S, ValkeyServer
from waiting import until

from api.app import application
from api.keys import HEADER
from pipelines.base.settings import Settings
from pipelines.models.published import PublishedModels
from pipelines.online_store.client import Client
from pipelines.recommendations.store import RecommendationStore


def degraded(client: TestClient, store: str) -> float:
    """How often the API has counted that the store was so."""
    name = f'tidemark_api_recommendations_degraded_total{{store="{store}"}}'
    return sum(float(line.split()[-1]) for line in client.get("/metrics").text.splitlines() if line.startswith(name))


def test_with_the_store_stopped_lists_are_of_the_items_or_of_what_is_trending(
    client: TestClient, server: ValkeyServer, store: RecommendationStore
) -> None:
    stream(store, "s1", [Did("product-3")], now_us(), visitor_id=visitors()["session"])
    well = [client.get(SESSION.format("s1")).json(), client.post(ITEMS, json=a_session("product-3")).json()]
    server.stop()
    until(lambda: client.post(ITEMS, json=a_session("product-3")).json()["degraded"], "it is seen that the store is away")
    with capture_logs() as logs:
        of_session, _ = (client.get(SESSION.format("s1")).json() for _ in range(2))
        of_items, of_product = client.post(ITEMS, json=a_session("product-3")).json(), client.get(SIMILAR.format("product-3"))
    assert [line["store"] for line in logs if line["event"] == "recommending_degraded"] == ["failed"]
    assert [answer["degraded"] for answer in (*well, of_session, of_items, of_product.json())] == [
        False,
        False,
        True,
        True,
        True,
    ]
    assert (well[0]["fallback"], of_session["fallback"], of_session["session_age_s"]) == ("session", "trending", None)
    assert (of_items["fallback"], products_of(of_items)) == ("session", products_of(well[1]))
    assert (of_product.status_code, degraded(client, "failed")) == (200, 2)


def test_a_store_that_has_lost_everything_is_not_taken_for_one_that_knows_no_session(
    client: TestClient, server: ValkeyServer, store: RecommendationStore
) -> None:
    server.client.flushall()
    assert client.get(SESSION.format("s1")).json()["degraded"]
    assert degraded(client, "empty") == 1
    store.models.publish(a_packed_recommender())
    assert not client.get(SESSION.format("s1")).json()["degraded"]


def test_a_store_that_stalls_is_not_waited_for_and_used_again_once_it_answers(
    store: RecommendationStore, server: ValkeyServer, settings_with: Callable[..., Settings]
) -> None:
    stream(store, "s1", [Did("product-3")], now_us(), visitor_id=visitors()["session"])
    with a_slow_proxy(server.settings.port) as proxy:
        settings = settings_with(store_within_ms=1.0)
        behind = settings.valkey.model_copy(update={"port": proxy.port})
        app = application(settings.model_copy(update={"valkey": behind}))
        with TestClient(app, headers={HEADER: KEY}) as client:
            proxy.open.clear()
            answers = [client.get(SESSION.format("s1")) for _ in range(5)]
            assert [(answer.status_code, answer.json()["degraded"]) for answer in answers] == [(200, True)] * 5
            assert degraded(client, "slow") == 5
            assert client.post(ITEMS, json=a_session("product-3")).json()["fallback"] == "session"
            # A busy machine may need more than a millisecond for every answer.
            app.state.dependencies.recommendations.reader.batcher.within_s = PATIENCE_S
            proxy.open.set()
            until(lambda: not client.get(SESSION.format("s1")).json()["degraded"], "the store answers")


def test_each_model_comes_by_itself_and_the_api_is_ready_when_payments_can_be_scored(
    settings_with: Callable[..., Settings], server: ValkeyServer
) -> None:
    with TestClient(application(settings_with()), headers={HEADER: KEY}) as client, Client(server.settings) as opened:
        refused = client.get(SESSION.format("s1"))
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
        assert "no model to recommend with yet" in refused.json()["error"]
        models = PublishedModels(opened)
        models.publish(a_packed_model("1"))
        until(lambda: client.get("/ready").status_code == 200, "payments can be scored")
        recommending = client.get("/ready").json()["recommendations"]
        assert (recommending["status"], recommending["model_name"], recommending["model_version"]) == ("missing", NAME, None)
        assert f"No model {NAME} is published yet: make one (make index)" in recommending["why"]
        models.publish(a_packed_recommender("7"))
        until(lambda: client.get(SESSION.format("s1")).status_code == 200, "products can be recommended")
        ready = {"status": "ready", "model_name": NAME, "model_version": "7", "why": None}
        assert client.get("/ready").json()["recommendations"] == ready
        assert client.post(PATH, json=a_body()).status_code == 200


@pytest.mark.usefixtures("store")
def test_without_a_fraud_model_products_are_recommended_all_the_same(client: TestClient) -> None:
    assert client.get("/ready").status_code == 503
    assert client.post(PATH, json=a_body()).status_code == 503
    assert client.get(SESSION.format("s1")).status_code == 200
