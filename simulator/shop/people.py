"""The people there are: an endless population, each person made from the seed and a number."""

from bisect import bisect
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from struct import Struct
from typing import NamedTuple

from simulator.shop.chance import Chance, cumulative
from simulator.shop.world import World

SIXTEEN = Struct("<16I")
# Where addresses outside Brazil are, most common first.
ABROAD = ("PT", "AR", "US", "PY", "ES", "GB", "CO", "NG")
ABROAD_SUMS = cumulative([8, 7, 6, 4, 3, 2, 2, 1])
FOREIGNERS = 0.01
# A third of newcomers live with somebody who buys here, too: an assumption. Brazil's census of 2022
# counts 2.8 people to a home and one person alone in every fifth; who of them buys where, nobody
# publishes.
HOUSEHOLDS = 1 / 3


class Person(NamedTuple):
    """Someone who may buy: where they live, what they like and how they pay; all of it follows from
    seed and number.

    `style` is the point in the unit cube near which lie the products they like (see taste.py);
    `housemate` is the number of the one they live with, if that one buys here, too.
    """

    number: int
    customer_id: str
    place: int
    latitude: float
    longitude: float
    country: str
    taste: float
    style: tuple[float, ...]
    favourites: Sequence[int]
    method: str
    cards: Sequence[str]
    devices: Sequence[str]
    app_share: float
    housemate: int | None


class People:
    """The endless population of one catalogue: newcomers are numbered from 1, and -n is the one
    whom n lives with.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._tag = world.catalogue.tag
        self._places = cumulative([place.customers for place in world.catalogue.places])
        self._categories = cumulative(world.catalogue.shares)
        self._methods = list(world.figures.payments.methods)
        self._method_sums = cumulative(list(world.figures.payments.methods.values()))
        self.person = lru_cache(maxsize=20_000)(self._made)

    def _made(self, number: int) -> Person:
        luck = sixteen(f"{self._world.seed} {number}")
        shared = luck if number > 0 else sixteen(f"{self._world.seed} {-number}")
        place = _picked(self._places, shared[0])
        home = self._world.catalogue.places[place]
        customer_id = customer(self._tag, number)
        name = customer_id.removeprefix("customer-")
        return Person(
            number=number,
            customer_id=customer_id,
            place=place,
            latitude=round(home.latitude + shared[1] * 0.2 - 0.1, 4),
            longitude=round(home.longitude + shared[2] * 0.2 - 0.1, 4),
            country=ABROAD[_picked(ABROAD_SUMS, shared[4])] if shared[3] < FOREIGNERS else "BR",
            taste=luck[5],
            style=tuple(luck[13:]),
            favourites=(_picked(self._categories, luck[6]), _picked(self._categories, luck[7])),
            method=self._methods[_picked(self._method_sums, luck[8])],
            cards=[f"card-{name}-{k}" for k in range(_few(luck[9]))],
            devices=[f"device-{name}-{k}" for k in range(_few(luck[10]))],
            app_share=luck[11],
            housemate=-number if shared[12] < HOUSEHOLDS else None,
        )


def customer(tag: str, number: int) -> str:
    """Return the customer id of a person of the catalogue with this tag."""
    return f"customer-{tag}-{abs(number):x}{'' if number > 0 else 'm'}"


def person_of(customer_id: str) -> int:
    """Return the number of the person with this customer id."""
    name = customer_id.rpartition("-")[2]
    return -int(name[:-1], 16) if name.endswith("m") else int(name, 16)


def sixteen(name: str) -> list[float]:
    """Return sixteen numbers in 0..1 that follow from a name: a hash costs a fifth of seeding a
    generator.
    """
    return [number / 2**32 for number in SIXTEEN.unpack(blake2b(name.encode()).digest())]


def _picked(sums: Sequence[float], luck: float) -> int:
    return bisect(sums, luck * sums[-1], 0, len(sums) - 1)


def _few(luck: float) -> int:
    """Return 1 for most, 2 for some, 3 for a few."""
    return 1 + (luck < 0.3) + (luck < 0.06)


def abroad(chance: Chance) -> str:
    """Return a country other than Brazil."""
    return ABROAD[chance.pick(ABROAD_SUMS)]
