"""Reads the states of sessions for all requests that wait, and makes their lists, in one go."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from prometheus_client import Counter

from api.recommendations.lists import CurrentRules, ForSession, Listed, listed
from api.state_reader import StateReader
from pipelines.base.arrays import Records
from pipelines.recommendations.experiment import SESSION, VARIANTS
from pipelines.recommendations.model.recommender import Model
from pipelines.recommendations.store import Peek, StoredList

PeekOf = Callable[[Sequence[str]], Peek]


class Wanted(NamedTuple):
    """A list of at most `most` products for a session that the store knows, in a variant; without
    one in that which the stream has shown.
    """

    model: Model
    most: int
    session_id: str
    variant: int | None


class SessionList(NamedTuple):
    """The list of a session, its variant, and the state (1, SESSION_STATE) that it was made of,
    with the version of the model that the store had published then.
    """

    listed: Listed
    variant: int
    state: Records
    model_version: str | None


SessionReader = StateReader[Wanted, SessionList]


def session_reader(peek: PeekOf, rules: CurrentRules, within_s: float, degraded: Counter) -> SessionReader:
    """Return what reads states by `peek` and makes lists of them, for requests that wait at most
    `within_s` seconds, and counts those that are answered without.

    Both in one thread, because handing the states back and forth takes as long as the lists.
    """
    return StateReader(
        "read sessions", lambda wanted: lists_of(peek, wanted, rules), within_s, degraded, "recommending_degraded"
    )


def lists_of(peek: PeekOf, wanted: Sequence[Wanted], rules: CurrentRules) -> list[SessionList]:
    """Return the list of each session, all read at once."""
    peeked = peek([each.session_id for each in wanted])
    asked_for = [
        ForSession(each.model, each.most, peeked.states[i : i + 1], _variant(each, shown), _seed(peeked.states[i]))
        for i, (each, shown) in enumerate(zip(wanted, peeked.lists, strict=True))
    ]
    lists = listed(asked_for, rules())
    return [
        SessionList(made, each.variant, each.state, peeked.model_version) for made, each in zip(lists, asked_for, strict=True)
    ]


def _variant(wanted: Wanted, shown: StoredList | None) -> int:
    """Return the variant that is wanted, or else the one that the stream has shown."""
    if wanted.variant is not None:
        return wanted.variant
    return VARIANTS.index(shown.variant) if shown and shown.variant in VARIANTS else SESSION


def _seed(state: Records) -> int:
    """Return what the coins of interleaving are of: the newest event, as for the stream."""
    return int(state["events"][0])
