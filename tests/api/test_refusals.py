"""What the API does not take is refused with a status and one sentence that holds nothing of the
payment.
"""

import asyncio
import json
from collections.abc import Callable, MutableMapping
from typing import Any
from unittest.mock import ANY

import pytest
from api_payments import PATH, a_body, without
from fastapi.testclient import TestClient
from structlog.testing import capture_logs

from api.app import application
from api.keys import HEADER, Allowance, Keys, keys
from api.payments.schema import Payment
from api.payments.scorer import Scorer
from pipelines.base.errors import SettingsError
from pipelines.base.settings import Settings
from pipelines.contracts import schemas
from pipelines.fraud.features import payment_records

WRONG: dict[str, Any] = {
    "amount": ["-1.00", "0.001", "1e9", "NaN", "10000000000", "", None, "ten", True, 12.34],
    "event_at": ["1999-12-31T23:59:59Z", "2999-01-01T00:00:00Z", "2026-01-01T00:00:00", 1_700_000_000, "yesterday", None],
    "installments": [-1, 1.5, "1", True, 2**70],
    "attempt_number": [0, "1"],
    "method": ["", " ", 1, None],
    "card_id": ["", " ", 7, None, "c" * 201],
    "customer_id": [7, None],
    "device_id": ["d" * 201],
    "country": ["", 1, None],
    "currency": ["R$", "BRLX"],
    "latitude": [91, "1", "NaN"],
    "longitude": [-181],
    "three_d_secure": ["yes", 1],
}


@pytest.mark.parametrize(("field", "value"), [(field, value) for field, values in WRONG.items() for value in values])
def test_a_wrong_field_is_named_and_its_value_is_not(client: TestClient, field: str, value: object) -> None:
    refused = client.post(PATH, json=a_body(**{field: value}))
    assert refused.status_code == 422
    (sentence,) = refused.json().values()
    assert sentence.startswith(f"The payment cannot be read: {field}")
    assert not isinstance(value, str) or len(value) < 4 or value not in sentence


def test_a_refund_is_refused_in_a_sentence_of_its_own(client: TestClient) -> None:
    refused = client.post(PATH, json=a_body(amount="-10.00"))
    assert refused.status_code == 422
    assert "amount: value error, is below zero: a refund is not scored" in refused.json()["error"]


WORDS = {"method": "pix", "channel": "kiosk", "country": "A1", "device_id": "", "seller_id": " ", "customer_id": "guest"}


@pytest.mark.parametrize("word", WORDS)
def test_words_that_are_new_to_us_and_ids_that_are_none_are_scored(client: TestClient, word: str) -> None:
    assert client.post(PATH, json=a_body(**{word: WORDS[word]})).status_code == 200


@pytest.mark.parametrize("field", [name for name, info in Payment.model_fields.items() if info.is_required()])
def test_a_missing_field_is_named(client: TestClient, field: str) -> None:
    refused = client.post(PATH, content=without(field), headers={"Content-Type": "application/json"})
    assert (refused.status_code, field in refused.json()["error"]) == (422, True)


def test_an_unknown_field_is_refused(client: TestClient) -> None:
    refused = client.post(PATH, json=a_body(amnt=1))
    assert (refused.status_code, "amnt" in refused.json()["error"]) == (422, True)


def test_many_wrong_fields_are_still_one_sentence(client: TestClient) -> None:
    assert client.post(PATH, json={}).json()["error"].endswith(" more.")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"\\ud800"', b"\xff\xfe", b"[" * 10_000])
def test_what_is_no_payment_is_refused(client: TestClient, body: bytes) -> None:
    refused = client.post(PATH, content=body, headers={"Content-Type": "application/json"})
    assert (refused.status_code, list(refused.json())) == (422, ["error"])


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_what_does_not_say_that_it_is_json_is_refused(client: TestClient, kind: str) -> None:
    assert client.post(PATH, content=json.dumps(a_body()), headers={"Content-Type": kind}).status_code == 415


def test_a_whole_number_may_be_written_with_a_point(client: TestClient) -> None:
    assert client.post(PATH, json=a_body(installments=3.0)).json() == {
        **client.post(PATH, json=a_body(installments=3)).json(),
        "scored_at": ANY,
    }


def test_json_may_name_its_encoding(client: TestClient) -> None:
    kind = {"Content-Type": "application/json; charset=utf-8"}
    assert client.post(PATH, content=json.dumps(a_body()), headers=kind).status_code == 200


@pytest.mark.parametrize("key", [None, "", "wrong", "only-for-tests-of-the-ap", "only-for-tests-of-the-api "])
def test_without_a_valid_key_nothing_is_scored(client: TestClient, key: str | None) -> None:
    client.headers.pop(HEADER)
    refused = client.post(PATH, json=a_body(), headers={HEADER: key} if key is not None else {})
    assert (refused.status_code, "TIDEMARK_API__KEYS" in refused.json()["error"]) == (401, True)


def test_the_limit_of_a_body_holds_whether_its_length_is_told_or_not(client: TestClient) -> None:
    kind = {"Content-Type": "application/json"}
    whole = client.post(PATH, content=b" " * 16_385, headers=kind)
    in_parts = client.post(PATH, content=iter([b" " * 10_000, b" " * 10_000]), headers=kind)
    assert (whole.status_code, in_parts.status_code) == (413, 413)
    assert list(whole.json()) == list(in_parts.json()) == ["error"]


def test_a_key_that_asks_too_often_is_told_to_wait_and_others_are_not(
    store: object, settings_with: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    both = settings_with(requests_per_s=1e-9).api.keys.get_secret_value()
    app = application(
        settings_with(requests_per_s=1e-9, keys=type(settings_with().api.keys)(f"{both}, another-key-of-the-tests"))
    )
    with TestClient(app) as client:
        answers = [client.post(PATH, json=a_body(), headers={HEADER: key}) for key in (both, both, "another-key-of-the-tests")]
    assert [answer.status_code for answer in answers] == [200, 429, 200]
    assert answers[1].headers["retry-after"] == "1"


def test_an_allowance_grows_with_time_up_to_a_seconds_worth() -> None:
    now = [0.0]
    allowance = Allowance(2.0, lambda: now[0])
    assert [allowance.take() for _ in range(3)] == [True, True, False]
    now[0] = 0.5
    assert [allowance.take() for _ in range(2)] == [True, False]
    now[0] = 100.0
    assert [allowance.take() for _ in range(3)] == [True, True, False]


@pytest.mark.parametrize("wrong", ["", " , ", "short", "long-enough-to-be-a-key,short"])
def test_keys_that_are_missing_or_short_stop_the_start(settings_with: Callable[..., Settings], wrong: str) -> None:
    api = settings_with().api
    with pytest.raises(SettingsError, match="TIDEMARK_API__KEYS must hold one key per shop"):
        keys(api.model_copy(update={"keys": type(api.keys)(wrong)}))


def test_a_key_may_hold_any_character() -> None:
    Keys(["schlüssel-für-den-laden"], 1.0).admit("schlüssel-für-den-laden")


def test_a_failure_that_nobody_thought_of_shows_no_code(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*settings_with: object) -> None:
        raise RuntimeError("secret of the house")

    monkeypatch.setattr(Scorer, "score", broken)
    failed = client.post(PATH, json=a_body())
    assert (failed.status_code, list(failed.json())) == (500, ["error"])
    assert "secret" not in failed.text
    assert "Traceback" not in failed.text


def test_a_client_that_hangs_up_within_its_body_is_no_failure_of_ours(client: TestClient) -> None:
    parts = iter([{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}])

    async def receive() -> dict[str, object]:
        return next(parts)

    async def send(message: MutableMapping[str, object]) -> None:
        """Send nobody anything."""

    scope = {"type": "http", "method": "POST", "path": PATH, "query_string": b"", "headers": []}
    with capture_logs() as logs:
        asyncio.run(client.app(scope, receive, send))
    assert logs == []
    assert "tidemark_api_answers_total{" not in client.get("/metrics").text


def test_unknown_paths_and_methods_are_one_sentence(client: TestClient) -> None:
    assert (client.get("/v2").status_code, list(client.get("/v2").json())) == (404, ["error"])
    assert (client.get(PATH).status_code, list(client.get(PATH).json())) == (405, ["error"])


def test_pages_of_other_places_may_not_ask(client: TestClient) -> None:
    wants = {"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "POST"}
    assert "access-control-allow-origin" not in client.options(PATH, headers=wants).headers
    assert "access-control-allow-origin" not in client.post(PATH, json=a_body(), headers=wants).headers


def test_the_payment_is_that_of_the_contract_as_far_as_the_features_need_it() -> None:
    contract = {field["name"]: field for field in json.loads(schemas.reader("shop.payments"))["fields"]}
    assert set(payment_records.COLUMNS) <= Payment.model_fields.keys() <= contract.keys()
    optional = {name for name, info in Payment.model_fields.items() if not info.is_required()}
    assert optional == {name for name in Payment.model_fields if "default" in contract[name]}
