"""What is no session is refused with a status and one sentence that holds nothing of it."""

import json
from typing import Any

import pytest
from api_sessions import ITEMS, PRODUCTS, SESSION, SIMILAR, a_session, products_of
from fastapi.testclient import TestClient

from api.keys import HEADER
from api.recommendations.schema import MOST_ITEMS, MOST_PRODUCTS

WRONG: dict[str, Any] = {
    "n": [0, MOST_PRODUCTS + 1, "10", 1.5, None, True],
    "items": [None, "product-3", [{}], [{"product_id": ""}], [{"product_id": "p", "at": "2026-01-01T00:00:00"}]],
    "cart": ["product-3", [7], [" "], ["p" * 201]],
    "visitor_id": ["", 7],
}


@pytest.mark.parametrize(("field", "value"), [(field, value) for field, values in WRONG.items() for value in values])
def test_a_wrong_field_is_named(client: TestClient, field: str, value: object) -> None:
    refused = client.post(ITEMS, json=a_session("product-3", **{field: value}))
    assert refused.status_code == 422
    (sentence,) = refused.json().values()
    assert sentence.startswith(f"The session cannot be read: {field}")


@pytest.mark.parametrize("path", [SESSION.format("s1"), SIMILAR.format("product-3")])
@pytest.mark.parametrize("number", ["0", "51", "ten", "", "1.5"])
def test_a_wrong_number_of_products_is_named(client: TestClient, path: str, number: str) -> None:
    refused = client.get(path, params={"n": number})
    assert refused.status_code == 422
    (sentence,) = refused.json().values()
    assert sentence.startswith("The request cannot be read: n: ")
    assert sentence.count("\n") == 0


@pytest.mark.parametrize("name", ["", "s" * 201])
def test_an_id_that_is_none_or_too_long_is_refused(client: TestClient, name: str) -> None:
    refused = client.get(SESSION.format(name))
    assert (refused.status_code, "session_id" in refused.json()["error"]) == (422, True)


@pytest.mark.parametrize("count", [1, MOST_PRODUCTS])
def test_as_many_products_as_wished_come(client: TestClient, count: int) -> None:
    for answer in (
        client.get(SESSION.format("s1"), params={"n": count}),
        client.post(ITEMS, json=a_session(*PRODUCTS[:3], n=float(count))),
    ):
        found = products_of(answer.json())
        assert len(found) == len(set(found)) <= count
        assert count > 1 or len(found) == 1


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 10_000])
def test_what_is_no_session_is_refused(client: TestClient, body: bytes) -> None:
    refused = client.post(ITEMS, content=body, headers={"Content-Type": "application/json"})
    assert (refused.status_code, list(refused.json())) == (422, ["error"])


def test_a_session_as_long_as_may_be_is_answered_and_a_longer_one_is_not(client: TestClient) -> None:
    longest = [{"product_id": f"p{number}", "action": "purchase"} for number in range(MOST_ITEMS)]
    assert client.post(ITEMS, json={"items": longest}).status_code == 200
    assert client.post(ITEMS, json={"items": [*longest, longest[0]]}).status_code == 422


@pytest.mark.parametrize("query", ["limit=3", "n=3&n=4", "session_id=s2&visitor_id=v&visitor_id=w"])
def test_an_unknown_or_repeated_parameter_is_refused(client: TestClient, query: str) -> None:
    refused = client.get(f"{SESSION.format('s1')}?{query}")
    assert (refused.status_code, list(refused.json())) == (422, ["error"])


def test_an_unknown_field_is_refused(client: TestClient) -> None:
    assert "limit" in client.post(ITEMS, json=a_session("product-3", limit=3)).json()["error"]


def test_what_is_not_json_or_too_large_is_refused(client: TestClient) -> None:
    text = client.post(ITEMS, content=json.dumps(a_session("product-3")), headers={"Content-Type": "text/plain"})
    large = client.post(ITEMS, content=b" " * 16_385, headers={"Content-Type": "application/json"})
    assert (text.status_code, large.status_code) == (415, 413)
    assert "which no session is" in large.json()["error"]


@pytest.mark.parametrize("key", [None, "wrong"])
def test_without_a_valid_key_nothing_is_recommended_and_nothing_else_is_looked_at(client: TestClient, key: str | None) -> None:
    client.headers.pop(HEADER)
    headers = {HEADER: key} if key else {}
    refused = [
        client.get(SESSION.format("s1"), params={"n": 0}, headers=headers),
        client.get(SIMILAR.format("product-3"), headers=headers),
        client.post(ITEMS, json={}, headers=headers),
    ]
    assert [answer.status_code for answer in refused] == [401] * 3
    assert {tuple(answer.json()) for answer in refused} == {("error",)}
