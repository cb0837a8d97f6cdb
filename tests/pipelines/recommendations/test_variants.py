"""What each variant shows, with a recommender of which it is known what it recommends."""

import numpy as np

from pipelines.base.arrays import Records
from pipelines.recommendations.experiment import INTERLEAVED, NOBODY, NONE, POPULAR, SESSION
from pipelines.recommendations.features.session import CART, new_sessions
from pipelines.recommendations.model.lists import TRENDING, Lists, no_lists
from pipelines.recommendations.variants import forgotten, shown

OF_SESSION, OF_POPULAR = [1, 2, 3, -1], [7, 2, 8, 9]


def recommended(states: Records) -> Lists:
    """Return lists that say whether the session's items were known, and score places in order."""
    lists = no_lists(len(states), 4)
    known = states["count"][:, None] > 0
    lists.products[:] = np.where(known, OF_SESSION, OF_POPULAR)
    lists.scores[:] = np.where(known, 0.5, 0.25)
    lists.because[:] = lists.products + 100
    lists.fallback[:] = np.where(known[:, 0], 0, TRENDING)
    return lists


def states(count: int) -> Records:
    made = new_sessions(count)
    made["count"], made["items"][:, 0], made["actions"][:, 0], made["cart"][:, 0] = 1, 5, CART, 5
    return made


def test_each_variant_shows_what_it_names() -> None:
    assigned = np.array([SESSION, POPULAR, NONE], np.uint8)
    lists, teams = shown(recommended, states(3), assigned, np.arange(3, dtype=np.uint64))
    assert lists.products.tolist() == [OF_SESSION, OF_POPULAR, [-1] * 4]
    assert teams.tolist() == [[SESSION] * 3 + [NOBODY], [POPULAR] * 4, [NOBODY] * 4]
    assert lists.scores[2].tolist() == [0.0] * 4
    assert lists.fallback[:2].tolist() == [0, TRENDING]


def test_interleaved_lists_hold_each_product_once_with_all_that_is_known_of_it_from_the_team_that_put_it_there() -> None:
    count = 64
    assigned = np.full(count, INTERLEAVED, np.uint8)
    lists, teams = shown(recommended, states(count), assigned, np.arange(count, dtype=np.uint64))
    assert {tuple(row) for row in lists.products[:, :1].tolist()} == {(1,), (7,)}
    for row in range(count):
        assert len(set(lists.products[row])) == 4
        for place, team in enumerate(teams[row]):
            product = lists.products[row, place]
            assert product in (OF_SESSION if team == SESSION else OF_POPULAR)
            assert lists.scores[row, place] == (0.5 if team == SESSION else 0.25)
            assert lists.because[row, place] == product + 100


def test_variants_do_not_touch_each_others_lists() -> None:
    """Whatever else is in the batch, a visitor's list is the same."""
    assigned = np.array([SESSION, INTERLEAVED, POPULAR, NONE, INTERLEAVED, SESSION], np.uint8)
    seeds = np.arange(6, dtype=np.uint64)
    together = shown(recommended, states(6), assigned, seeds)
    for row in range(6):
        alone = shown(recommended, states(1), assigned[row : row + 1], seeds[row : row + 1])
        assert alone[0].products.tolist() == together[0].products[row : row + 1].tolist()
        assert alone[1].tolist() == together[1][row : row + 1].tolist()


def test_what_is_forgotten_is_where_the_visitor_was_and_not_what_is_in_the_cart() -> None:
    before = states(1)
    after = forgotten(before)
    assert (after["count"][0], after["items"].any(), after["cart"][0, 0]) == (0, False, 5)
    assert before["count"][0] == 1
