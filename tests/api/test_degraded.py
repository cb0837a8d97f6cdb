"""With a store that fails, stalls or has lost its data, payments are scored from what they say,
marked and counted.
"""

from collections.abc import Callable, Iterator

import pytest
from api_payments import KEY, PATH, a_body
from fastapi.testclient import TestClient
from fraud_models import a_packed_model
from slow_proxy import SlowProxy, a_slow_proxy
from structlog.testing import capture_logs
from valkey_server import PATIENCE_S, ValkeyServer
from waiting import until

from api.app import application
from api.keys import HEADER
from pipelines.base.settings import Settings
from pipelines.fraud.store import FraudStore
from pipelines.models.published import PublishedModels
from pipelines.online_store.client import Client


def degraded(client: TestClient, store: str) -> float:
    """How often the API has counted that the store was so."""
    lines = client.get("/metrics").text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith(f'tidemark_api_degraded_total{{store="{store}"}}'))


def test_with_the_store_stopped_payments_are_scored_from_what_they_say(client: TestClient, server: ValkeyServer) -> None:
    well = client.post(PATH, json=a_body(4)).json()
    server.stop()
    with capture_logs() as logs:
        without, _ = (client.post(PATH, json=a_body(4)).json() for _ in range(2))
    assert [line["store"] for line in logs if line["event"] == "scoring_degraded"] == ["failed"]
    assert (well["degraded"], without["degraded"]) == (False, True)
    assert (without["decision"], without["feature_age_s"]) == ("decline", None)
    assert degraded(client, "failed") == 2


def test_a_store_that_has_lost_everything_is_not_taken_for_one_that_knows_no_card(
    client: TestClient, server: ValkeyServer, store: FraudStore
) -> None:
    server.client.flushall()
    assert client.post(PATH, json=a_body()).json()["degraded"]
    assert degraded(client, "empty") == 1
    store.models.publish(a_packed_model("1"))
    assert not client.post(PATH, json=a_body()).json()["degraded"]


@pytest.fixture
def proxy(server: ValkeyServer) -> Iterator[SlowProxy]:
    with a_slow_proxy(server.settings.port) as made:
        yield made


@pytest.mark.usefixtures("store")
def test_a_store_that_stalls_is_not_waited_for_and_used_again_once_it_answers(
    settings_with: Callable[..., Settings], proxy: SlowProxy
) -> None:
    settings = settings_with(store_within_ms=1.0)
    behind = settings.valkey.model_copy(update={"port": proxy.port})
    app = application(settings.model_copy(update={"valkey": behind}))
    with TestClient(app, headers={HEADER: KEY}) as client:
        proxy.open.clear()
        answers = [client.post(PATH, json=a_body(number)) for number in range(5)]
        assert [(answer.status_code, answer.json()["degraded"]) for answer in answers] == [(200, True)] * 5
        assert degraded(client, "slow") == 5
        # A busy machine may need more than a millisecond for every answer.
        app.state.dependencies.payments.reader.batcher.within_s = PATIENCE_S
        proxy.open.set()
        assert not client.post(PATH, json=a_body()).json()["degraded"]


def test_without_a_model_nothing_is_ready_and_the_first_one_that_comes_serves(
    settings_with: Callable[..., Settings], server: ValkeyServer
) -> None:
    with TestClient(application(settings_with()), headers={HEADER: KEY}) as client, Client(server.settings) as opened:
        assert client.get("/health").status_code == 200
        waiting, refused = client.get("/ready"), client.post(PATH, json=a_body())
        assert (waiting.status_code, refused.status_code) == (503, 503)
        assert "make train" in waiting.json()["error"]
        assert "GET /ready" in refused.json()["error"]
        models = PublishedModels(opened)
        models.publish(a_packed_model("1", feature_set="other/1"))
        until(lambda: "trained on the features other/1" in client.get("/ready").json()["error"], "it says what is wrong")
        models.publish(a_packed_model("2"))
        until(lambda: client.get("/ready").status_code == 200, "the good one serves")
        assert client.post(PATH, json=a_body()).json()["model_version"] == "2"


def test_with_the_store_down_at_the_start_it_lives_and_says_what_to_do(
    settings_with: Callable[..., Settings], server: ValkeyServer
) -> None:
    server.stop()
    with TestClient(application(settings_with()), headers={HEADER: KEY}) as client:
        assert client.get("/health").status_code == 200
        assert "make status" in client.get("/ready").json()["error"]
