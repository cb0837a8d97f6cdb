"""What people like follows from who they are, and no product is better by its place."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.shop.catalogue import Catalogue
from simulator.shop.people import People
from simulator.shop.taste import DEAR, FAVOURITE, Taste
from simulator.shop.world import World

WORLD = World(1, 0, Catalogue.invented(1, products=400, sellers=20))
PEOPLE = People(WORLD)
TASTE = Taste(WORLD.catalogue)
PRODUCTS = range(len(WORLD.catalogue.products))


def styles() -> np.ndarray:
    """Return the liking of 300 people (p, n) without price range, favourites and popularity."""
    plain = []
    for number in range(1, 301):
        person = PEOPLE.person(number)._replace(favourites=())
        places = [TASTE._places[product] for product in PRODUCTS]
        plain.append([TASTE.liking(person, n, places[n]) - TASTE._appeal[n] for n in PRODUCTS])
    return np.array(plain)


def test_style_counts_in_deviations_around_nothing() -> None:
    found = styles()
    assert found.mean() == pytest.approx(0, abs=0.02)
    assert found.std() == pytest.approx(1, abs=0.02)


def test_no_product_is_liked_better_by_everybody_for_its_style() -> None:
    means = styles().mean(axis=0)
    assert means.std() < 3 / np.sqrt(300)


def test_tastes_differ_and_stay() -> None:
    first, second = styles()[:2]
    assert np.corrcoef(first, second)[0, 1] < 0.9
    again = Taste(WORLD.catalogue).liking(PEOPLE.person(5), 7, 0.3)
    assert again == TASTE.liking(People(WORLD).person(5), 7, 0.3)


@given(st.integers(1, 10_000), st.sampled_from(PRODUCTS), st.floats(0, 1))
def test_a_favourite_category_adds_to_it_and_a_price_out_of_range_takes_away(number: int, product: int, sought: float) -> None:
    category = WORLD.catalogue.products[product].category
    person = PEOPLE.person(number)._replace(favourites=())
    fond = person._replace(favourites=(category,))
    place = TASTE._places[product]
    at_best = TASTE.liking(person, product, place)
    assert TASTE.liking(fond, product, place) == pytest.approx(at_best + FAVOURITE)
    assert TASTE.liking(person, product, sought) == pytest.approx(at_best - DEAR * abs(place - sought))


@given(st.integers(1, 10_000), st.lists(st.sampled_from(PRODUCTS), min_size=1, max_size=8))
def test_the_best_of_some_is_the_one_that_is_liked_most(number: int, some: list[int]) -> None:
    person = PEOPLE.person(number)
    best = TASTE.best(person, some, 0.5)
    assert TASTE.liking(person, best, 0.5) == max(TASTE.liking(person, each, 0.5) for each in some)
