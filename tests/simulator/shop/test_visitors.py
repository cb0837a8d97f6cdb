"""Newcomers and regulars: who may come when."""

from collections import Counter

from simulator.shop.catalogue import Catalogue
from simulator.shop.visitors import REMEMBERED, REST, SESSION_GAP, Visitors
from simulator.shop.world import World

WORLD = World(1, 0, Catalogue.invented(1, products=60, sellers=5))


def test_newcomers_are_new() -> None:
    visitors = Visitors(WORLD)
    assert [visitors.next(0, buying=True) for _ in range(50)] == list(range(1, 51))


def test_regulars_come_in_proportion_to_what_they_bought() -> None:
    visitors = Visitors(WORLD)
    for person in (1_000, 1_000, 1_000, 2_000):
        visitors.bought(person, 0)
    told = Counter(visitors.next(SESSION_GAP + number * 10 * REST, buying=True) for number in range(4_000))
    assert 2.5 < told[1_000] / told[2_000] < 3.6


def test_a_regular_rests_after_buying_but_may_look() -> None:
    visitors = Visitors(WORLD)
    visitors.bought(1_000, 0)
    soon = [visitors.next(REST // 2, buying=True) for _ in range(2_000)]
    looking = [visitors.next(REST // 2, buying=False) for _ in range(2_000)]
    assert 0 < soon.count(1_000) < 0.05 * len(soon)
    assert looking.count(1_000) > 0.4 * len(looking)


def test_no_second_session_within_half_an_hour() -> None:
    visitors = Visitors(WORLD)
    visitors.bought(1_000, 0)
    assert not visitors.is_away(1_000, SESSION_GAP - 1)
    assert visitors.is_away(1_000, SESSION_GAP)
    assert 1_000 not in [visitors.next(SESSION_GAP - 1, buying=False) for _ in range(500)]


def test_memory_is_bounded_and_keeps_the_newest() -> None:
    visitors = Visitors(WORLD)
    for number in range(4 * REMEMBERED):
        visitors.bought(number, number * SESSION_GAP)
    state = visitors.state()
    assert len(state["buyers"]) == REMEMBERED
    assert len(state["bought_at"]) <= 3 * REMEMBERED
    assert set(state["buyers"]) == set(range(3 * REMEMBERED, 4 * REMEMBERED))
