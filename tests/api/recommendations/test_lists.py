"""Lists of the API are those of the stream: the same states, the same model, the same rules."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from api_sessions import (
    ITEMS,
    PRODUCTS,
    SESSION,
    SIMILAR,
    Did,
    a_packed_recommender,
    a_recommender,
    a_session,
    as_items,
    now_us,
    products_of,
    stream,
    visitors,
)
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from valkey_server import ValkeyServer
from waiting import until

from pipelines.base.settings import settings
from pipelines.recommendations.experiment import VARIANTS, assignment
from pipelines.recommendations.features.session import PLACES, product_hashes
from pipelines.recommendations.model.lists import RULES
from pipelines.recommendations.store import RecommendationStore

ACTIONS = ("view", "add_to_cart", "remove_from_cart", "purchase", "wish")
DIDS = st.lists(
    st.builds(Did, st.sampled_from([*PRODUCTS, "unknown"]), st.sampled_from(ACTIONS), st.integers(0, 3000)),
    min_size=1,
    max_size=30,
)
SAME = ("fallback", "variant", "model_name", "model_version", "degraded")


def of_stream(row: dict[str, Any]) -> dict[str, Any]:
    """Return what is to be the same for a list of the stream."""
    names = zip(row["products"], row["scores"], row["reasons"], strict=True)
    products = [{"product_id": product, "score": score, "reason": reason} for product, score, reason in names]
    return {
        **{name: row[name] for name in SAME},
        "products": products,
        "left_out": dict(zip(RULES, row["left_out"], strict=True)),
    }


def of_api(answer: dict[str, Any]) -> dict[str, Any]:
    """Return what is to be the same for an answer."""
    return {name: answer[name] for name in (*SAME, "products", "left_out")}


@examples(max_examples=60, suppress_health_check=list(HealthCheck))
@given(DIDS, st.integers(1, 50), st.sampled_from(VARIANTS))
def test_a_sessions_list_is_that_of_the_stream_and_that_of_its_items(
    client: TestClient, store: RecommendationStore, dids: list[Did], count: int, variant: str
) -> None:
    at_us, visitor_id = now_us(), visitors()[variant]
    streamed = of_stream(stream(store, "s1", dids, at_us, visitor_id=visitor_id, count=count))
    assert streamed["variant"] == variant
    assert of_api(client.get(SESSION.format("s1"), params={"n": count}).json()) == streamed
    assert of_api(client.get(SESSION.format("s1"), params={"n": count, "visitor_id": visitor_id}).json()) == streamed
    if variant != "interleaved":  # whose coins are of the click's event, which items do not have
        body = {"items": as_items(dids, at_us), "n": count, "visitor_id": visitor_id}
        assert of_api(client.post(ITEMS, json=body).json()) == streamed


def test_many_who_ask_at_once_each_get_their_own(client: TestClient, store: RecommendationStore) -> None:
    at_us, visitor_id = now_us(), visitors()["session"]
    streamed = [stream(store, f"s{n}", [Did(PRODUCTS[n])], at_us, visitor_id=visitor_id, count=3 + n % 3) for n in range(60)]

    def list_of(number: int) -> dict[str, Any]:
        return of_api(client.get(SESSION.format(f"s{number}"), params={"n": 3 + number % 3}).json())

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(list_of, range(60))) == [of_stream(row) for row in streamed]


def test_a_session_that_nobody_knows_gets_what_is_trending(client: TestClient) -> None:
    answer = client.get(SESSION.format("never/seen")).json()
    assert (len(answer["products"]), answer["fallback"], answer["session_age_s"]) == (10, "trending", None)
    assert {product["reason"] for product in answer["products"]} == {"trending"}


def test_every_product_has_its_reason_in_words(client: TestClient) -> None:
    answer = client.post(ITEMS, json=a_session("product-3", "product-4")).json()
    assert answer["fallback"] == "session"
    first = answer["products"][0]
    assert first["reason"] in {f"{words} product-{n}" for words in ("seen together with", "next after") for n in (3, 4)}
    assert first["product_id"].startswith("product-")


def test_ages_are_those_of_the_newest_click_and_of_the_index(client: TestClient, store: RecommendationStore) -> None:
    dids = [Did("product-1", ago_s=90), Did("product-2", ago_s=60)]
    stream(store, "s1", dids, now_us(), visitor_id="v")
    answer = client.get(SESSION.format("s1")).json()
    assert 60 <= answer["session_age_s"] < 120
    index_age_s = time.time() - a_recommender().built_us / 1e6
    assert index_age_s - 60 < answer["index_age_s"] <= index_age_s


def test_what_is_in_a_cart_is_not_recommended_however_much_is_in_it(client: TestClient) -> None:
    everything = client.post(ITEMS, json=a_session("product-3", n=50)).json()
    cart = products_of(everything)[: 2 * PLACES]
    answer = client.post(ITEMS, json=a_session("product-3", cart=cart, n=10)).json()
    assert len(products_of(answer)) == 10
    assert not set(products_of(answer)) & set(cart)


def test_a_cart_that_is_given_counts_and_not_what_the_items_say(client: TestClient) -> None:
    put = {"product_id": "product-5", "action": "add_to_cart"}
    seen = {"product_id": "product-3"}
    without = client.post(ITEMS, json={"items": [put, seen], "n": 50}).json()
    emptied = client.post(ITEMS, json={"items": [put, seen], "n": 50, "cart": []}).json()
    assert ("product-5" in products_of(without), "product-5" in products_of(emptied)) == (False, True)
    assert (without["left_out"]["bought_or_in_cart"], emptied["left_out"]["bought_or_in_cart"]) == (1, 0)


def test_what_is_out_of_stock_is_left_out_and_counted_within_seconds(client: TestClient, store: RecommendationStore) -> None:
    best = products_of(client.post(ITEMS, json=a_session("product-3")).json())[0]
    store.write_unavailable(product_hashes([best]), now_us())

    def left_out() -> int:
        answer = client.post(ITEMS, json=a_session("product-3")).json()
        assert (best in products_of(answer)) == (answer["left_out"]["out_of_stock"] == 0)
        return int(answer["left_out"]["out_of_stock"])

    until(lambda: left_out() == 1, "the stock is known")


def test_similar_products_are_those_of_the_shelf_and_never_the_product_itself(client: TestClient) -> None:
    answer = client.get(SIMILAR.format("product-3"), params={"n": 5}).json()
    assert len(products_of(answer)) == 5
    assert {PRODUCTS.index(product) // 10 for product in products_of(answer)} == {0}
    assert "product-3" not in products_of(answer)
    assert (answer["variant"], answer["session_age_s"]) == (None, None)


def test_to_a_product_that_nobody_knows_what_is_trending_is_similar(client: TestClient) -> None:
    answer = client.get(SIMILAR.format("new/product")).json()
    assert (answer["fallback"], len(answer["products"])) == ("trending", 10)
    assert "tidemark_api_unknown_products_total 1.0" in client.get("/metrics").text


def test_a_visitor_sees_the_variant_of_the_experiment(client: TestClient) -> None:
    own = settings().recommendations
    visitors = [f"visitor-{number}" for number in range(40)]
    variants = [VARIANTS[code] for code in assignment(visitors, own.variants, own.experiment)]
    assert len(set(variants)) > 1
    got = [client.get(SESSION.format("s1"), params={"visitor_id": visitor}).json()["variant"] for visitor in visitors]
    sent = [client.post(ITEMS, json=a_session("product-3", visitor_id=visitor)).json()["variant"] for visitor in visitors]
    assert got == sent == variants


def test_a_published_model_is_taken_up_between_two_requests(client: TestClient, store: RecommendationStore) -> None:
    def version() -> str:
        return str(client.get(SESSION.format("s1")).json()["model_version"])

    assert version() == "1"
    store.models.publish(a_packed_recommender("2", sha256="0" * 64))
    served = client.app.state.dependencies.recommendations.served  # type: ignore[attr-defined]
    until(lambda: served.serving.refused == "2", "the bad version is refused")
    assert version() == "1"
    store.models.publish(a_packed_recommender("3"))
    until(lambda: version() == "3", "the good version recommends")


def test_asking_changes_nothing_in_the_store(client: TestClient, store: RecommendationStore, server: ValkeyServer) -> None:
    stream(store, "s1", [Did("product-1")], now_us(), visitor_id="v")
    everything = {key: server.client.dump(key) for key in server.client.keys("*")}
    for answer in (client.get(SESSION.format("s1")), client.post(ITEMS, json=a_session("product-3"))):
        assert answer.status_code == 200
    assert {key: server.client.dump(key) for key in server.client.keys("*")} == everything


def test_what_happened_is_counted(client: TestClient) -> None:
    client.get(SESSION.format("s1"))
    client.get(SIMILAR.format("product-3"))
    client.post(ITEMS, json=a_session("product-3", "never-seen"))
    lines = client.get("/metrics").text.splitlines()
    for line in (
        'tidemark_api_recommendations_total{fallback="trending",kind="session"} 1.0',
        'tidemark_api_recommendations_total{fallback="session",kind="items"} 1.0',
        'tidemark_api_recommendations_total{fallback="trending",kind="product"} 0.0',
        'tidemark_api_model{name="recommendations",version="1"} 1.0',
        "tidemark_api_recommendation_seconds_count 3.0",
        "tidemark_api_unknown_products_total 1.0",
    ):
        assert line in lines
