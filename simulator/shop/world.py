"""What every part of the shop shares: chance, agenda, names, catalogue, and the way out for
events.
"""

from collections import deque
from hashlib import sha256
from typing import Any

from simulator.event import Event
from simulator.shop.agenda import Agenda
from simulator.shop.catalogue import Catalogue
from simulator.shop.chance import Chance
from simulator.shop.statistics import Statistics, statistics

CURRENCY = "BRL"
PREFIX = 6


class World:
    """One shop's surroundings; ids carry a prefix of seed and start, so that no two runs share
    one.
    """

    def __init__(self, seed: int, start: int, catalogue: Catalogue) -> None:
        self.seed = seed
        self.catalogue = catalogue
        self.figures: Statistics = statistics()
        self.chance = Chance(f"shop {seed} {start}")
        self.agenda = Agenda()
        self.out: deque[Event] = deque()
        self.now = self.opens_at = start
        self._prefix = sha256(f"{seed} {start}".encode()).hexdigest()[:PREFIX]
        self._named = 0

    def name(self, kind: str) -> str:
        """Return an id that was never given before."""
        self._named += 1
        return f"{kind}-{self._prefix}{self._named:x}"

    def called(self, kind: str, number: int) -> str:
        """Return the id that was given as the so manieth."""
        return f"{kind}-{self._prefix}{number:x}"

    def number(self, name: str) -> int:
        """Return as which an id of this shop was given."""
        return int(name.rpartition("-")[2][PREFIX:], 16)

    def publish(self, topic: str, key: str, at: int, record: dict[str, Any]) -> None:
        """Append an event to those that the shop gives out next."""
        self.out.append(Event(topic, key, at, record))

    def state(self) -> dict[str, Any]:
        """Return what changes, as JSON can hold it."""
        return {
            "now": self.now,
            "opens_at": self.opens_at,
            "named": self._named,
            "chance": self.chance.state(),
            "agenda": self.agenda.state(),
            "out": [list(event) for event in self.out],
        }

    def resume(self, state: dict[str, Any]) -> None:
        """Go on from a saved `state`."""
        self.now, self.opens_at = state["now"], state["opens_at"]
        self._named = state["named"]
        self.chance.resume(state["chance"])
        self.agenda.resume(state["agenda"])
        self.out = deque(Event(*event) for event in state["out"])
