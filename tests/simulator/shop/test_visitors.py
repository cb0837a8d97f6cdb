"""Newcomers and regulars: who may come when."""

from collections import Counter

from simulator.shop.catalogue import Catalogue
from simulator.shop.people import People
from simulator.shop.visitors import HOUSEMATE, REMEMBERED, REST, SESSION_GAP, Visitors
from simulator.shop.world import World

WORLD = World(1, 0, Catalogue.invented(1, products=60, sellers=5))
PEOPLE = People(WORLD)
ALONE, ALSO_ALONE = [number for number in range(1_000, 1_100) if PEOPLE.person(number).housemate is None][:2]
HOUSED = next(number for number in range(1_000, 1_100) if PEOPLE.person(number).housemate is not None)


def test_newcomers_are_new() -> None:
    visitors = Visitors(WORLD, PEOPLE)
    assert [visitors.next(0, buying=True) for _ in range(50)] == list(range(1, 51))


def test_regulars_come_in_proportion_to_what_they_bought() -> None:
    visitors = Visitors(WORLD, PEOPLE)
    for person in (ALONE, ALONE, ALONE, ALSO_ALONE):
        visitors.bought(person, 0)
    visits = Counter(visitors.next(SESSION_GAP + number * 10 * REST, buying=True) for number in range(4_000))
    assert 2.5 < visits[ALONE] / visits[ALSO_ALONE] < 3.6


def test_a_regular_rests_after_buying_but_may_look() -> None:
    visitors = Visitors(WORLD, PEOPLE)
    visitors.bought(ALONE, 0)
    soon = [visitors.next(REST // 2, buying=True) for _ in range(2_000)]
    looking = [visitors.next(REST // 2, buying=False) for _ in range(2_000)]
    assert 0 < soon.count(ALONE) < 0.05 * len(soon)
    assert looking.count(ALONE) > 0.4 * len(looking)


def test_no_second_session_within_half_an_hour() -> None:
    visitors = Visitors(WORLD, PEOPLE)
    visitors.bought(ALONE, 0)
    assert not visitors.is_away(ALONE, SESSION_GAP - 1)
    assert visitors.is_away(ALONE, SESSION_GAP)
    assert ALONE not in [visitors.next(SESSION_GAP - 1, buying=False) for _ in range(500)]


def test_now_and_then_the_one_a_regular_lives_with_comes_instead_and_rests_between_sessions_too() -> None:
    visitors = Visitors(WORLD, PEOPLE)
    visitors.bought(HOUSED, 0)
    visits = Counter(visitors.next(SESSION_GAP + number, buying=False) for number in range(4_000))
    assert abs(visits[-HOUSED] / (visits[HOUSED] + visits[-HOUSED]) - HOUSEMATE) < 0.05
    visitors.busy(-HOUSED, at := 2 * SESSION_GAP)
    assert -HOUSED not in [visitors.next(at + SESSION_GAP - 1, buying=False) for _ in range(500)]


def test_memory_is_bounded_and_keeps_the_newest() -> None:
    visitors = Visitors(WORLD, PEOPLE)
    for number in range(4 * REMEMBERED):
        visitors.bought(number, number * SESSION_GAP)
    state = visitors.state()
    assert len(state["buyers"]) == REMEMBERED
    assert len(state["bought_at"]) <= 3 * REMEMBERED
    assert set(state["buyers"]) == set(range(3 * REMEMBERED, 4 * REMEMBERED))


def test_who_is_free_for_a_new_session_is_remembered_no_longer() -> None:
    """Of three who come at each tenth of a session's gap: a housemate, a buyer, and one who never
    goes.
    """
    visitors = Visitors(WORLD, PEOPLE)
    for number in range(1_000):
        at = number * SESSION_GAP // 10
        for person in (-10_000, -number):
            visitors.comes(person, at)
            visitors.busy(person, at)
        visitors.bought(number, at)
    assert len(visitors.state()["free_from"]) <= 2 * 10 + 1
    assert not visitors.is_away(-999, at + SESSION_GAP - 1)
