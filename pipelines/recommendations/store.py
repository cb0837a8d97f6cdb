"""What recommendations keep in the online store: the states of sessions in two versions with the
last list of each, which products cannot be bought now, and beside them the published models.

Sessions and lists are forgotten some time after the last click; a session that comes back later
begins anew.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from pipelines.base.arrays import Records
from pipelines.models.published import PublishedModels, pointer
from pipelines.online_store.client import Client
from pipelines.online_store.two_version_records import FENCE, Batch, TwoVersionRecords, two_versions
from pipelines.recommendations.features.session import SESSION_STATE

SESSION_RECORD = two_versions(SESSION_STATE)
SESSIONS = "session:1:"  # another number where a state means something else, though it has the same size
LISTS = "recommended:"
UNAVAILABLE, UNAVAILABLE_US = "unavailable:products", "unavailable:known_us"

Hashes = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class StoredList:
    """The last list of a session, with the names of tidemark.recommendations; times in microseconds
    since 1970.
    """

    event_id: str
    event_us: int
    visitor_id: str
    products: list[str]
    scores: list[float]
    reasons: list[str]
    teams: list[str]
    fallback: str
    variant: str
    left_out: list[int]
    model_name: str
    model_version: str | None
    model_built_us: int | None
    degraded: bool
    recommended_us: int

    def to_bytes(self) -> bytes:
        """Return the list as the store holds it."""
        return json.dumps(vars(self), separators=(",", ":")).encode()

    @classmethod
    def of_bytes(cls, value: bytes | None) -> Self | None:
        """Return the list that the store holds, None where it holds none that can be read."""
        try:
            return cls(**json.loads(value)) if value else None
        except (TypeError, ValueError):
            return None


@dataclass(frozen=True)
class Reading:
    """What recommending starts from: the states of sessions (SESSION_STATE), in the order in which
    they were asked for, the published version of the model, and since when (us) it is known which
    products cannot be bought, 0 for never.
    """

    states: Records
    model_version: str | None
    unavailable_us: int


@dataclass(frozen=True)
class Peek(Reading):
    """The same for those who only look, with the last list of each session."""

    lists: Sequence[StoredList | None]


class RecommendationStore:
    """The recommendations' part of one server, which remembers sessions and lists for `kept_s`
    seconds; every method raises ServiceUnreachable when it fails.
    """

    def __init__(self, client: Client, kept_s: int) -> None:
        self.client = client
        self.models = PublishedModels(client)
        self.sessions = TwoVersionRecords(client, SESSION_RECORD, kept_s)

    def read(self, session_ids: Sequence[str], batch: Batch, model_name: str) -> Reading:
        """Return the states of sessions when `batch` starts, the model and what cannot be bought:
        in one round trip, where the sessions are few.

        Raises CheckpointError when a session has already folded a later batch of the same query.
        """
        with self.client.doing("read session states"):
            ahead, values = self.client.get_after([pointer(model_name), UNAVAILABLE_US], _keys(SESSIONS, session_ids))
        return Reading(self.sessions.starting(values, batch), _text(ahead[0]), int(ahead[1] or 0))

    def peek(self, session_ids: Sequence[str], model_name: str) -> Peek:
        """Return what is known of a few sessions after the last batch applied to each, in one
        command.

        For those who only look: nothing may be written that starts from these states.
        """
        asked_for = [*_keys(SESSIONS, session_ids), *_keys(LISTS, session_ids)]
        with self.client.doing("read session states"):
            version, known_us, *values = self.client.get_few([pointer(model_name), UNAVAILABLE_US, *asked_for])
        states, lists = values[: len(session_ids)], values[len(session_ids) :]
        found = [StoredList.of_bytes(value) for value in lists]
        return Peek(self.sessions.latest(states), _text(version), int(known_us or 0), found)

    def write(
        self, session_ids: Sequence[str], before: Records, after: Records, batch: Batch, lists: Mapping[str, StoredList]
    ) -> None:
        """Store the states of sessions before and after `batch`, and in the same step the list of
        each that has a new one.

        Raises CheckpointError where a later batch of the same query has been written, which stays.
        """
        beside = [{f"{LISTS}{id_}": lists[id_].to_bytes()} if id_ in lists else {} for id_ in session_ids]
        with self.client.doing("write session states"):
            self.sessions.write(_keys(SESSIONS, session_ids), before, after, batch, beside)

    def forget_sessions(self) -> None:
        """Remove all sessions and lists, so that clicks can be folded again from the first."""
        with self.client.doing("forget sessions"):
            for prefix in (SESSIONS, LISTS, FENCE):
                self.client.remove_matching(f"{prefix}*")

    def write_unavailable(self, products: Hashes, known_us: int) -> None:
        """Store which products cannot be bought (their hashes), as it was known at `known_us`."""
        with self.client.doing("write which products cannot be bought"):
            self.client.writer.mset({UNAVAILABLE: np.sort(products).tobytes(), UNAVAILABLE_US: known_us})

    def unavailable(self) -> tuple[Hashes, int]:
        """Return which products cannot be bought (their hashes, sorted), and when that was known; 0
        for never.
        """
        with self.client.doing("read which products cannot be bought"):
            products, known_us = self.client.get_few([UNAVAILABLE, UNAVAILABLE_US])
        return np.frombuffer(products or b"", np.uint64), int(known_us or 0)


class Unavailable:
    """Which products cannot be bought, as a process has last read it: their hashes, sorted."""

    def __init__(self) -> None:
        self.products: Hashes = np.zeros(0, np.uint64)
        self.known_us = 0

    def follow(self, known_us: int, store: RecommendationStore) -> None:
        """Read them again where the store knows them by another time."""
        if known_us != self.known_us:
            self.products, self.known_us = store.unavailable()


def _keys(prefix: str, session_ids: Sequence[str]) -> list[str]:
    return [f"{prefix}{session_id}" for session_id in session_ids]


def _text(value: bytes | None) -> str | None:
    return value.decode() if value else None
