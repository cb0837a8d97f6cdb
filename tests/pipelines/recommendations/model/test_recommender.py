"""A recommender is loaded whole or not at all."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shopping import PLAIN, loaded, packed, strolls

from pipelines.base.errors import ModelError
from pipelines.recommendations.features.session import product_hashes
from pipelines.recommendations.model.building import build
from pipelines.recommendations.model.prefixes import prefixes_of
from pipelines.recommendations.model.recommender import Arrays, Model, load, packed_bytes
from pipelines.recommendations.model.sessions import Catalogue

SESSIONS = strolls(30)
CATALOGUE = Catalogue(["a", "b", ""] * 20, ["s", "", "t"] * 20, np.ones(60, np.bool_))


@pytest.fixture(scope="module")
def arrays() -> Arrays:
    return build(SESSIONS, CATALOGUE, PLAIN)


def test_what_is_packed_is_what_is_loaded(arrays: Arrays) -> None:
    model, test = loaded(arrays), prefixes_of(SESSIONS)
    np.testing.assert_array_equal(model.rank(test, 20)[0], Model("m", "1", arrays).rank(test, 20)[0])
    assert (model.name, model.version, model.products[3]) == ("recommendations", "7", "p3")
    assert (model.categories[:3], model.sellers[:3]) == (["a", "b", ""], ["s", "", "t"])
    assert model.built_us == arrays["built_us"][0]


def test_the_same_arrays_are_the_same_bytes(arrays: Arrays) -> None:
    again = {**build(SESSIONS, CATALOGUE, PLAIN), "built_us": arrays["built_us"]}
    assert packed_bytes(again) == packed_bytes(arrays)


def test_products_are_found_by_their_hash(arrays: Arrays) -> None:
    model = loaded(arrays)
    hashes = product_hashes(["p5", "unknown", "p0", "p59"])
    assert model.numbers(hashes).tolist() == [5, -1, 0, 59]


def test_ids_of_any_letters_travel(arrays: Arrays) -> None:
    odd = ["", "ä\x00ü", "x" * 1000, *SESSIONS.products[3:]]
    assert loaded(build(SESSIONS._replace(products=odd), CATALOGUE, PLAIN)).products == odd


def test_other_bytes_are_refused(arrays: Arrays) -> None:
    registered = packed(arrays)
    with pytest.raises(ModelError, match="SHA-256"):
        load(replace(registered, content=registered.content[:-1] + b"x"))
    with pytest.raises(ModelError, match="features"):
        load(replace(registered, feature_set="another/1"))


@pytest.mark.parametrize("name", ["session_products", "kernel", "tree_leaves", "products_text", "built_us"])
def test_a_part_that_is_missing_is_refused(arrays: Arrays, name: str) -> None:
    with pytest.raises(ModelError, match="build it again"):
        loaded({key: array for key, array in arrays.items() if key != name})


def test_pickles_are_not_read(arrays: Arrays) -> None:
    with pytest.raises((ModelError, ValueError), match=r"recommender|pickle|object"):
        Model("m", "1", {**arrays, "session_products": np.array([{}], object)})


COUNTED = [
    "session_products",
    "posting_sessions",
    "posting_places",
    "pair_products",
    "trending",
    "category_trending",
    "category",
]


@given(st.sampled_from(COUNTED), st.integers(0, 10**6), st.sampled_from([-2, 60, 2**14]))
def test_a_number_that_leads_nowhere_is_refused(name: str, place: int, number: int) -> None:
    arrays = build(SESSIONS, CATALOGUE, PLAIN)
    array = arrays[name].copy()
    array[place % len(array)] = number
    with pytest.raises(ModelError, match="build it again"):
        Model("m", "1", {**arrays, name: array})


@pytest.mark.parametrize("name", ["session_starts", "posting_starts", "pair_starts", "category_starts"])
@pytest.mark.parametrize("change", [1, -1, 10**9])
def test_starts_that_do_not_divide_are_refused(arrays: Arrays, name: str, change: int) -> None:
    starts = arrays[name].copy()
    starts[-1] += change
    with pytest.raises(ModelError, match="build it again"):
        Model("m", "1", {**arrays, name: starts})


def test_trees_of_unknown_features_are_refused(arrays: Arrays) -> None:
    trees = {
        "tree_features": np.full((1, 3), 200, np.uint8),
        "tree_thresholds": np.zeros((1, 3), np.float32),
        "tree_leaves": np.zeros((1, 4), np.float32),
    }
    with pytest.raises(ModelError, match="features of trees"):
        Model("m", "1", {**arrays, **trees})
    with pytest.raises(ModelError, match="depth"):
        Model("m", "1", {**arrays, **trees, "tree_features": np.zeros((1, 2), np.uint8)})
