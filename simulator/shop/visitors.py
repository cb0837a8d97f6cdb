"""Who comes to the shop: newcomers one after the other, and regulars among past buyers."""

from collections import OrderedDict
from typing import Any

from simulator.shop.chance import HOUR
from simulator.shop.people import People
from simulator.shop.world import World

# Share of visits by people who bought before (an assumption: Olist hides most returns).
REGULARS = 0.45
REST = 12 * HOUR  # honest people seldom order twice within this time …
RESTLESS = 0.06  # … but some do
# Share of regulars' visits that the one they live with makes instead, where there is one (an
# assumption).
HOUSEMATE = 0.35
SESSION_GAP = 31 * 60 * 1_000_000
REMEMBERED = 50_000  # purchases whose buyers count as regulars


class Visitors:
    """Decides who comes next: the shop grows by newcomers, and buyers come back in proportion to
    what they bought.

    Coming back in proportion is Simon's process (H. A. Simon, On a Class of Skew Distribution
    Functions, 1955): the number of orders per customer and card follows a power law whatever the
    rate. Resting keeps an honest card's orders per day the same in a quiet history and in a fast
    live run. People bring the one they live with to the shop.
    """

    def __init__(self, world: World, people: People) -> None:
        self._chance, self._people = world.chance, people
        self._newcomers = 0
        self._buyers: list[int] = []
        self._bought = 0
        self._bought_at: dict[int, int] = {}
        # The one who is free first comes first.
        self._free_from: OrderedDict[int, int] = OrderedDict()

    def next(self, at: int, buying: bool) -> int:
        """Return the number of the person who comes at `at`."""
        if self._buyers and self._chance.random() < REGULARS:
            person = self._or_housemate(self._buyers[self._chance.below(len(self._buyers))])
            if self._may_come(person, at, buying):
                self.comes(person, at)
                return person
        return self.newcomer()

    def _or_housemate(self, person: int) -> int:
        housemate = self._people.person(person).housemate
        return housemate if housemate is not None and self._chance.random() < HOUSEMATE else person

    def newcomer(self) -> int:
        """Return the number of a person nobody has seen yet."""
        self._newcomers += 1
        return self._newcomers

    def _may_come(self, person: int, at: int, buying: bool) -> bool:
        rested = at - self._bought_at.get(person, 0) > REST
        return self.is_away(person, at) and (not buying or rested or self._chance.random() < RESTLESS)

    def is_away(self, person: int, at: int) -> bool:
        """Tell whether a regular's last click is so long ago that the next one opens a new
        session.
        """
        return self._free_from.get(person, 0) <= at

    def comes(self, person: int, at: int) -> None:
        """Take who comes for a regular until half an hour after the last click: a housemate, too,
        rests between two sessions.
        """
        self._free_from.setdefault(person, at)

    def busy(self, person: int, at: int) -> None:
        """Remember a regular's click, so that the next session starts more than 30 minutes after
        it.
        """
        if person in self._bought_at or person in self._free_from:
            self._free_from[person] = at + SESSION_GAP
            self._free_from.move_to_end(person)

    def bought(self, person: int, at: int) -> None:
        """Remember a purchase."""
        if len(self._buyers) < REMEMBERED:
            self._buyers.append(person)
        else:
            self._buyers[self._bought % REMEMBERED] = person
        self._bought += 1
        self._bought_at[person] = at
        self.busy(person, at)
        while next(iter(self._free_from.values())) <= at:
            self._free_from.popitem(last=False)
        if len(self._bought_at) > 3 * REMEMBERED:
            known = set(self._buyers)
            self._bought_at = {p: t for p, t in self._bought_at.items() if p in known}

    def past_buyer(self) -> int | None:
        """Return someone who bought before, or None in a shop that never sold."""
        return self._buyers[self._chance.below(len(self._buyers))] if self._buyers else None

    def state(self) -> dict[str, Any]:
        """Return what changes, as JSON can hold it."""
        return {
            "newcomers": self._newcomers,
            "buyers": list(self._buyers),
            "bought": self._bought,
            "bought_at": list(self._bought_at.items()),
            "free_from": list(self._free_from.items()),
        }

    def resume(self, state: dict[str, Any]) -> None:
        """Go on from a saved `state`."""
        self._newcomers, self._bought = state["newcomers"], state["bought"]
        self._buyers = list(state["buyers"])
        self._bought_at = dict(state["bought_at"])
        self._free_from = OrderedDict(state["free_from"])
