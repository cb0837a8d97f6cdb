"""A payment asked about before it is taken gets the score that the stream will give it, and leaves
no trace.
"""

import json
import time
import uuid

import numpy as np
import pytest
from api_payments import PATH, a_body, as_json
from builders import at
from fastapi.testclient import TestClient
from fraud_models import BLANK, a_blank_booster, a_packed_model, a_serving
from ids import NO_ID
from payment_batches import payments
from valkey_server import ValkeyServer
from waiting import until

from api.payments.schema import Payment
from api.payments.scorer import features_of
from pipelines.fraud.features.feature_set import FEATURE_NAMES
from pipelines.fraud.features.payment_records import Keys
from pipelines.fraud.features.seller_state import SELLER_RECORD
from pipelines.fraud.scoring import score_batch
from pipelines.fraud.store import FraudStore
from pipelines.online_store.two_version_records import Batch

QUERY = str(uuid.UUID(int=1))
SAME = ("payment_id", "probability", "decision", "reasons", "feature_set", "model_name", "model_version", "degraded")


def stream(store: FraudStore, *numbers: int, batch: int = 0) -> list[dict[str, object]]:
    """Be the stream: score a batch of payments and leave the cards' states behind."""
    rows: list[dict[str, object]] = score_batch(payments(*numbers), Batch(QUERY, batch), store, a_serving()).to_pylist()
    return rows


def everything_in(server: ValkeyServer) -> dict[bytes, object]:
    client = server.client
    return {key: client.dump(key) for key in client.keys("*")}


def refused(client: TestClient) -> object:
    """The version that the API will not serve."""
    return client.app.state.dependencies.payments.served.serving.refused


def test_a_payment_is_answered_with_decision_reasons_and_who_decided(client: TestClient) -> None:
    cheap, dear = (client.post(PATH, json=a_body(number)) for number in (0, 4))
    assert (cheap.status_code, dear.status_code) == (200, 200)
    assert (cheap.json()["decision"], cheap.json()["reasons"]) == ("approve", [])
    assert dear.json()["decision"] == "decline"
    assert dear.json()["reasons"][0].startswith("amount of this payment: 1000")
    assert (dear.json()["payment_id"], dear.json()["model_version"], dear.json()["degraded"]) == ("p4", "1", False)


def test_asked_one_at_a_time_features_and_scores_are_those_of_the_stream(client: TestClient, store: FraudStore) -> None:
    known = np.zeros(1, SELLER_RECORD)
    known["after"]["run_frauds"] = 4
    store.write_sellers([payments(0)["seller_id"][0].as_py()], known)
    for number, row in enumerate(payments(*range(24)).to_pylist()):
        keys = Keys([row["card_id"]], [row["device_id"]], [row["seller_id"]])
        known = store.peek(keys, "fraud").known
        features = features_of(Payment.model_validate_json(json.dumps(as_json(row))), known, NO_ID)
        answer = client.post(PATH, json=as_json(row)).json()
        (streamed,) = stream(store, number, batch=number)
        assert repr(features[0].tolist()) == repr(streamed["features"])
        assert features[0][FEATURE_NAMES.index("seller_run_frauds")] == 4
        assert features[0][FEATURE_NAMES.index("device_cards_2d")] == len(
            {n % 3 for n in range(number % 2, number, 2)} - {number % 3}
        )
        assert {name: answer[name] for name in SAME} == {name: streamed[name] for name in SAME}


def test_asking_changes_nothing_in_the_store(client: TestClient, store: FraudStore, server: ValkeyServer) -> None:
    stream(store, *range(6))
    before = everything_in(server)
    answers = [client.post(PATH, json=a_body(number)) for number in range(6, 12) for _ in range(2)]
    assert {answer.status_code for answer in answers} == {200}
    assert [first.json()["probability"] for first in answers[::2]] == [again.json()["probability"] for again in answers[1::2]]
    assert len(before) == 8, "three cards, two devices, the last batch, the model and its pointer"
    assert everything_in(server) == before


def test_the_age_of_what_is_known_is_that_of_the_cards_last_payment(client: TestClient, store: FraudStore) -> None:
    assert client.post(PATH, json=a_body(3)).json()["feature_age_s"] is None
    stream(store, 0)
    earliest = time.time() - at(0).timestamp()
    assert earliest <= client.post(PATH, json=a_body(3)).json()["feature_age_s"] <= time.time() - at(0).timestamp()


def test_an_event_that_the_stream_has_scored_is_not_scored_again(client: TestClient, store: FraudStore) -> None:
    stream(store, 0)
    again = client.post(PATH, json=a_body(0))
    assert again.status_code == 409
    assert "scored this event already" in again.json()["error"]


def test_a_published_model_is_taken_up_between_two_requests_and_a_bad_one_is_not(client: TestClient, store: FraudStore) -> None:
    def version() -> str:
        return str(client.post(PATH, json=a_body()).json()["model_version"])

    assert version() == "1"
    store.models.publish(a_packed_model("2"))
    until(lambda: version() == "2", "the published version scores")
    store.models.publish(a_packed_model("3", sha256="0" * 64))
    until(lambda: refused(client) == "3", "the bad version is refused")
    assert version() == "2"
    store.models.publish(a_packed_model("4"))
    until(lambda: version() == "4", "the next good version scores")
    ready = client.get("/ready").json()
    assert [ready[name] for name in ("status", "model_name", "model_version")] == ["ready", "fraud", "4"]


def test_what_happened_is_counted(client: TestClient) -> None:
    for number in (0, 4):
        client.post(PATH, json=a_body(number))
    client.post(PATH, json=a_body(amount=-1))
    metrics = client.get("/metrics")
    assert metrics.headers["content-type"].startswith("text/plain")
    for line in (
        'tidemark_api_answers_total{status="200"} 2.0',
        'tidemark_api_answers_total{status="422"} 1.0',
        'tidemark_api_decisions_total{decision="decline"} 1.0',
        'tidemark_api_decisions_total{decision="review"} 0.0',
        'tidemark_api_model{name="fraud",version="1"} 1.0',
        "tidemark_api_score_seconds_count 2.0",
    ):
        assert line in metrics.text.splitlines()


@pytest.mark.parametrize("path", ["/health", "/docs", "/openapi.json"])
def test_the_process_says_that_it_lives_and_what_it_takes(client: TestClient, path: str) -> None:
    assert client.get(path, headers={"X-API-Key": ""}).status_code == 200


def test_where_the_model_gives_no_number_the_answer_is_a_review_that_is_marked_and_counted(
    client: TestClient, store: FraudStore
) -> None:
    store.models.publish(a_packed_model("2", a_blank_booster()))
    until(lambda: client.get("/ready").json()["model_version"] == "2", "the model serves")
    answers = [client.post(PATH, json=a_body(amount=amount)) for amount in ("10.00", f"{BLANK:.2f}")]
    assert [answer.status_code for answer in answers] == [200, 200]
    sound, blank = (answer.json() for answer in answers)
    assert (sound["decision"], sound["degraded"]) == ("approve", False)
    assert (blank["decision"], blank["degraded"], blank["probability"]) == ("review", True, 0.5)
    assert "tidemark_api_no_number_total 1.0" in client.get("/metrics").text
