"""Lists keep the business rules, say where they come from, and exist for every odd session."""

import numpy as np
import pytest
from shopping import PLAIN, loaded, model_of, sessions_of, states_of, strolls

from pipelines.recommendations.features.session import SESSION_STATE, new_sessions
from pipelines.recommendations.model.building import build
from pipelines.recommendations.model.lists import FALLBACKS, RULES, Lists, Rules
from pipelines.recommendations.model.recommender import Model
from pipelines.recommendations.model.recommending import in_words, recommend, similar, warm_up
from pipelines.recommendations.model.sessions import Catalogue

# 0 leads to 1, 2 and 3; 4, 5 and 6 are a world apart.
CLICKS = [[0, 1], [0, 1], [0, 1, 2], [0, 2], [0, 3], [4, 5, 6], [4, 5], [4, 6]]
CATALOGUE = Catalogue(["tea", "tea", "cups", "cups", "books", "books", "books"], ["s"] * 4 + [""] * 3, np.ones(7, np.bool_))
EASY = Rules(most_of_a_seller=10)


@pytest.fixture(scope="module")
def model() -> Model:
    return model_of(CLICKS, CATALOGUE)


def products(lists: Lists, row: int = 0) -> list[int]:
    return [int(product) for product in lists.products[row] if product >= 0]


def left_out(lists: Lists) -> dict[str, int]:
    return {rule: int(count) for rule, count in zip(RULES, lists.left_out[0], strict=True) if count}


def test_what_followed_comes_first_and_the_product_looked_at_is_not_listed(model: Model) -> None:
    lists = recommend(model, states_of(model, [0]), EASY, 3)
    assert products(lists) == [1, 2, 3]
    assert FALLBACKS[lists.fallback[0]] == "session"
    assert in_words(model, lists) == [["next after p0", "next after p0", "next after p0"]]


def test_a_product_seen_before_may_be_listed_again(model: Model) -> None:
    assert 1 in products(recommend(model, states_of(model, [1, 0]), EASY, 3))


def test_scores_are_shares_that_never_rise(model: Model) -> None:
    scores = recommend(model, states_of(model, [0, 1]), EASY, 7).scores[0]
    assert (np.diff(scores) <= 0).all()
    assert 0 < scores.sum() <= 1


@pytest.mark.parametrize("field", ["cart", "bought"])
def test_what_is_in_the_cart_or_bought_is_left_out(model: Model, field: str) -> None:
    lists = recommend(model, states_of(model, [0], **{field: [1]}), EASY, 3)
    assert 1 not in products(lists)
    assert left_out(lists) == {"bought_or_in_cart": 1}


def test_unless_its_category_is_one_of_repeat_buys(model: Model) -> None:
    lists = recommend(model, states_of(model, [0], bought=[1, 2]), EASY._replace(repeat_categories=frozenset({"tea"})), 3)
    assert products(lists)[:2] == [1, 3]
    assert left_out(lists) == {"bought_or_in_cart": 1}


def test_what_is_out_of_stock_is_left_out(model: Model) -> None:
    lists = recommend(model, states_of(model, [0]), EASY._replace(unavailable=np.sort(model.index.hashes[[1, 6]])), 3)
    assert products(lists)[:2] == [2, 3]
    assert left_out(lists) == {"out_of_stock": 1}


def test_what_is_not_sold_any_more_is_left_out() -> None:
    sold = np.array([True, False, True, True, True, True, True])
    model = model_of(CLICKS, CATALOGUE._replace(sold=sold))
    lists = recommend(model, states_of(model, [0]), EASY, 3)
    assert products(lists)[:2] == [2, 3]
    assert left_out(lists) == {"not_sold": 1}


def test_no_list_holds_more_of_a_seller_than_may_be(model: Model) -> None:
    lists = recommend(model, states_of(model, [0]), Rules(most_of_a_seller=2), 5)
    assert products(lists)[:2] == [1, 2]
    assert 3 not in products(lists)
    assert left_out(lists) == {"seller_share": 1}
    assert len(products(lists)) == 5  # products without a seller are nobody's share


def test_a_list_is_filled_up_with_what_is_trending(model: Model) -> None:
    lists = recommend(model, states_of(model, [0]), EASY, 6)
    assert sorted(products(lists)) == [1, 2, 3, 4, 5, 6]
    assert in_words(model, lists)[0][3:] == ["trending"] * 3


def test_with_few_sessions_like_it_co_occurrence_is_named(model: Model) -> None:
    lists = recommend(model, states_of(model, [3]), EASY, 2)
    assert FALLBACKS[lists.fallback[0]] == "co_occurrence"
    assert products(lists)[0] == 0
    assert in_words(model, lists)[0] == ["seen together with p3", "seen together with p0"]


def test_a_product_of_no_session_gives_what_is_trending_in_its_category() -> None:
    catalogue = CATALOGUE._replace(
        category=[*CATALOGUE.category, "books"], seller=[*CATALOGUE.seller, ""], sold=np.ones(8, np.bool_)
    )
    model = loaded(build(sessions_of(CLICKS, 8), catalogue, PLAIN))
    lists = recommend(model, states_of(model, [7]), EASY, 5)
    assert FALLBACKS[lists.fallback[0]] == "trending_in_category"
    assert products(lists)[:3] == [4, 5, 6]
    assert in_words(model, lists)[0] == ["trending in books"] * 3 + ["trending"] * 2


def odd_sessions(model: Model) -> np.ndarray:
    """Return no click, unknown products, the same product twenty times, and bytes of any kind."""
    states = new_sessions(4)
    states["items"][1] = 12345
    states["items"][2] = model.index.hashes[0]
    states[3] = np.frombuffer(np.random.default_rng(1).bytes(SESSION_STATE.itemsize), SESSION_STATE)[0]
    return states


def test_every_odd_session_gets_a_list(model: Model) -> None:
    lists = recommend(model, odd_sessions(model), EASY, 5)
    assert [FALLBACKS[code] for code in lists.fallback] == ["trending", "trending", "session", "trending"]
    assert all(len(products(lists, row)) == 5 for row in range(4))


def test_no_session_gets_no_list(model: Model) -> None:
    assert recommend(model, new_sessions(0), EASY).products.shape == (0, 10)


def test_with_all_out_of_stock_lists_are_empty(model: Model) -> None:
    lists = recommend(model, odd_sessions(model), EASY._replace(unavailable=np.sort(model.index.hashes)), 5)
    assert (lists.products == -1).all()
    assert {FALLBACKS[code] for code in lists.fallback} == {"trending"}
    assert lists.left_out[0].tolist() == [0, 7, 0, 0]


@pytest.mark.parametrize("clicks", [[], [[]], [[0]]])
def test_an_empty_index_gives_what_there_is(clicks: list[list[int]]) -> None:
    model = model_of(clicks)
    states = new_sessions(2)
    states["items"][0, 0] = 7
    assert [products(recommend(model, states, EASY), row) for row in range(2)] == [[0] if clicks == [[0]] else []] * 2


def test_an_index_of_another_catalogue_knows_no_product(model: Model) -> None:
    other = loaded(
        build(strolls(20)._replace(products=[f"other-{number}" for number in range(60)]), Catalogue.unknown(60), PLAIN)
    )
    lists = recommend(other, states_of(model, [0, 1]), EASY, 5)
    assert FALLBACKS[lists.fallback[0]] == "trending"


def test_a_list_does_not_depend_on_those_made_with_it(model: Model) -> None:
    states = states_of(model, [0], [4], [0, 1, 2], [5, 0], [2])
    together = recommend(model, states, EASY)
    for row in range(len(states)):
        alone = recommend(model, states[row : row + 1], EASY)
        for field in Lists._fields:
            np.testing.assert_array_equal(getattr(together, field)[row], getattr(alone, field)[0])


def test_similar_products_are_those_recommended_to_who_looks_at_one(model: Model) -> None:
    assert products(similar(model, 0, EASY, 3)) == products(recommend(model, states_of(model, [0]), EASY, 3))
    assert FALLBACKS[similar(model, -1, EASY).fallback[0]] == "trending"


def test_it_warms_up() -> None:
    warm_up()
