"""Reads the states of sessions for all requests that wait, together."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from prometheus_client import Counter

from api.state_reader import StateReader
from pipelines.base.arrays import Records
from pipelines.recommendations.store import Peek

PeekOf = Callable[[Sequence[str]], Peek]


class SessionReading(NamedTuple):
    """The state of one session (1, SESSION_STATE), the variant of the list that the stream made for
    it, None where there is none, and the published version of the model.
    """

    state: Records
    variant: str | None
    model_version: str | None


SessionReader = StateReader[str, SessionReading]  # by the session's id


def session_reader(peek: PeekOf, within_s: float, degraded: Counter) -> SessionReader:
    """Return what reads states by `peek`, for requests that wait at most `within_s` seconds, and
    counts those that are answered without them.
    """
    return StateReader("read sessions", lambda ids: read_each(peek, ids), within_s, degraded, "recommending_degraded")


def read_each(peek: PeekOf, session_ids: Sequence[str]) -> list[SessionReading]:
    """Return what is known of each session, read for all of them at once."""
    peeked = peek(session_ids)
    return [
        SessionReading(peeked.states[i : i + 1], shown and shown.variant, peeked.model_version)
        for i, shown in enumerate(peeked.lists)
    ]
