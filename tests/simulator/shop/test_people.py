"""People follow from seed and number, and a third of them live with somebody who buys, too."""

from simulator.shop.catalogue import Catalogue
from simulator.shop.people import HOUSEHOLDS, People, Person
from simulator.shop.world import World

WORLD = World(1, 0, Catalogue.invented(1, products=60, sellers=5))
NUMBERS = range(1, 4_001)


def everybody() -> list[Person]:
    people = People(WORLD)
    return [people.person(number) for number in NUMBERS]


def test_the_same_seed_and_number_are_the_same_person() -> None:
    assert everybody() == everybody()
    assert People(World(2, 0, WORLD.catalogue)).person(1) != everybody()[0]


def test_a_shop_that_was_kept_before_there_were_households_finds_its_people_again() -> None:
    person = People(WORLD).person(7)
    assert (person.customer_id, person.cards, person.devices) == ("customer-1-7", ["card-1-7-0"], ["device-1-7-0"])
    assert (person.place, person.latitude, person.favourites, person.method) == (3, -15.7696, (43, 31), "credit_card")


def test_a_third_live_with_somebody_at_the_same_place_who_pays_with_other_cards_from_other_devices() -> None:
    people = People(WORLD)
    housed = [person for person in everybody() if person.housemate is not None]
    assert abs(len(housed) / len(NUMBERS) - HOUSEHOLDS) < 0.03
    for person in housed:
        housemate = people.person(person.housemate or 0)
        assert housemate.housemate == person.number
        assert (housemate.latitude, housemate.longitude) == (person.latitude, person.longitude)
        assert (housemate.place, housemate.country) == (person.place, person.country)
        assert not {*housemate.cards, *housemate.devices} & {*person.cards, *person.devices}


def test_no_two_people_share_an_id_or_all_of_their_habits() -> None:
    people = People(WORLD)
    there = [people.person(sign * number) for number in NUMBERS for sign in (1, -1)]
    assert len({person.customer_id for person in there}) == len({person.taste for person in there}) == len(there)
