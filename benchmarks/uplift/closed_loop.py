"""The recommender's side of the loop: it folds every click, and makes a list when a visitor's page
wants one, as stream and API do; of the visitor it knows the clicks and nothing else.
"""

from collections import Counter

import numpy as np

from pipelines.base.arrays import Records
from pipelines.recommendations.experiment import VARIANTS, Hashes
from pipelines.recommendations.features.session import ACTIONS, CLICK, fold, new_sessions, product_hash, product_hashes
from pipelines.recommendations.model.lists import Rules
from pipelines.recommendations.model.recommender import Model
from pipelines.recommendations.model.recommending import recommend
from pipelines.recommendations.variants import shown
from simulator.event import Event
from simulator.shop.exposures import Offer

ROOM = 4_096  # sessions for which room is made at once


class ClosedLoop:
    """Offers the lists of one variant. Clicks wait until the list of one of their sessions is
    wanted: then all that wait are folded together, and that list is made, from the clicks before
    that moment.
    """

    def __init__(self, model: Model, variant: str, levels: Counter[str], rules: Rules, count: int) -> None:
        self._model, self._variant, self._rules, self._count = model, VARIANTS.index(variant), rules, count
        self._levels = levels.copy()
        self._hashes = {name: product_hash(name) for name in {*levels, *model.products}}
        self._states = new_sessions(ROOM)
        self._rows: dict[str, int] = {}
        self._waiting: list[Event] = []
        self._last: dict[str, Event] = {}
        self._out, self._moved = np.zeros(0, np.uint64), True

    def see(self, event: Event) -> None:
        """Take in what the shop tells of: clicks and stock."""
        if event.topic == "shop.clicks":
            self._waiting.append(event)
            self._last[event.key] = event
        elif event.topic == "shop.inventory":
            self._moved |= self._levels[event.key] * (self._levels[event.key] + event.record["quantity"]) <= 0
            self._levels[event.key] += event.record["quantity"]

    def newer(self, session_id: str, shown: str | None, exposure_id: str) -> Offer | None:
        """Return the list that follows a session's newest click."""
        click = self._last.get(session_id)
        if click is None or shown == _name(click):
            return None
        self._fold()
        return self._offer(click)

    def _fold(self) -> None:
        """Fold the clicks that wait."""
        if not self._waiting:
            return
        number = {session_id: place for place, session_id in enumerate(dict.fromkeys(e.key for e in self._waiting))}
        rows = np.array([self._row(session_id) for session_id in number])
        session = np.array([number[event.key] for event in self._waiting])
        self._states[rows] = fold(self._states[rows], session, self._records()).states
        self._waiting.clear()

    def _records(self) -> Records:
        records = np.zeros(len(self._waiting), CLICK)
        records["at_us"] = [event.at for event in self._waiting]
        records["event"] = product_hashes([event.record["event_id"] for event in self._waiting])
        records["product"] = [self._hashes[event.record["product_id"]] for event in self._waiting]
        records["action"] = [ACTIONS[event.record["action"]] for event in self._waiting]
        return records

    def _offer(self, click: Event) -> Offer:
        rules = self._rules._replace(unavailable=self._sold_out())
        row = self._row(click.key)
        lists, teams = shown(
            lambda states: recommend(self._model, states, rules, self._count),
            self._states[row : row + 1],
            np.array([self._variant], np.uint8),
            np.array([product_hash(click.record["event_id"])], np.uint64),
        )
        names = [self._model.products[product] for product in lists.products[0] if product >= 0]
        words = [VARIANTS[team] for team in teams[0, : len(names)]]
        return Offer(_name(click), names, words, VARIANTS[self._variant], "1")

    def _sold_out(self) -> Hashes:
        if self._moved:
            out = sorted(self._hashes[product_id] for product_id, level in self._levels.items() if level <= 0)
            self._out, self._moved = np.array(out, np.uint64), False
        return self._out

    def _row(self, session_id: str) -> int:
        row = self._rows.setdefault(session_id, len(self._rows))
        if row >= len(self._states):
            self._states = np.concatenate([self._states, new_sessions(len(self._states))])
        return row


def _name(click: Event) -> str:
    """Return the id of the list that follows a click."""
    return f"recommendation-{click.record['event_id']}"
