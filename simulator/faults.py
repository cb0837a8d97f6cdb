"""Spoils a stream of records on request: duplicates, late records, and corrupt ones that no schema
can read.
"""

import heapq
import json
from collections.abc import Callable, Iterator
from itertools import count
from random import Random
from typing import NamedTuple

from pipelines.contracts.framing import HEADER_BYTES, header
from simulator.event import Event
from simulator.ledger import Ledger
from simulator.producer import Record

MICROS = 1_000_000
DUPLICATE_AFTER_S = (0.0, 10.0)  # the second copy follows within seconds of simulated time
LATE_BY_S = (60.0, 1_800.0)  # late records come minutes of simulated time after they happened
UNKNOWN_IDS = (2**30, 2**31 - 1)  # far above any id that a registry has given


class Shares(NamedTuple):
    """How many of the events, from 0 to 1, are sent twice, sent late, and followed by a corrupt
    record.
    """

    duplicates: float = 0.0
    late: float = 0.0
    corrupt: float = 0.0


NO_FAULTS = Shares()


class Faults:
    """Passes records on, some of them spoiled, the same ones for the same seed, and counts them in
    a ledger.

    A corrupt record is sent besides the good one, so the shop stays coherent and every corrupt
    record is in quarantine.
    """

    def __init__(self, shares: Shares, seed: int, ledger: Ledger) -> None:
        self.ledger = ledger
        self._random = Random(f"faults {seed}")  # noqa: S311 - reproducible, not secret
        self._bounds = (shares.duplicates, shares.duplicates + shares.late, sum(shares))
        self._held: list[tuple[int, int, Record]] = []
        self._order = count()

    def spoil(self, event: Event, record: Record) -> Iterator[Record]:
        """Yield what leaves when `event` is due: what was held back until now, then the record or
        what becomes of it.
        """
        yield from self._released(event.at)
        draw = self._random.random()
        late = self._bounds[0] <= draw < self._bounds[1]
        self.ledger.count("events", record.topic)
        if late:
            self.ledger.count("late", record.topic)
            self._hold(record, event.at, LATE_BY_S)
            return
        yield record
        if draw < self._bounds[0]:
            self.ledger.count("duplicates", record.topic)
            self._hold(record, event.at, DUPLICATE_AFTER_S)
        elif draw < self._bounds[2]:
            self.ledger.count("corrupt", record.topic)
            yield record._replace(value=self._corrupted(event, record))

    def rest(self) -> Iterator[Record]:
        """Yield everything that is still held back, in order of time."""
        while self._held:
            yield heapq.heappop(self._held)[2]

    def _released(self, now: int) -> Iterator[Record]:
        while self._held and self._held[0][0] <= now:
            yield heapq.heappop(self._held)[2]

    def _hold(self, record: Record, at: int, seconds: tuple[float, float]) -> None:
        due = at + round(self._random.uniform(*seconds) * MICROS)
        heapq.heappush(self._held, (due, next(self._order), record))

    def _corrupted(self, event: Event, record: Record) -> bytes | None:
        corrupt = self._random.choice(CORRUPTIONS)
        return corrupt(record.value or b"", event, self._random)


def _noise(value: bytes, event: Event, random: Random) -> bytes:
    return bytes([random.randrange(1, 256)]) + random.randbytes(random.randrange(64))


def _wrong_magic(value: bytes, event: Event, random: Random) -> bytes:
    return bytes([random.randrange(1, 256)]) + value[1:]


def _unknown_schema_id(value: bytes, event: Event, random: Random) -> bytes:
    return header(random.randint(*UNKNOWN_IDS)) + value[HEADER_BYTES:]


def _truncated(value: bytes, event: Event, random: Random) -> bytes:
    return value[: random.randrange(1, len(value))]


def _tombstone(value: bytes, event: Event, random: Random) -> None:
    return None


def _wrong_body(value: bytes, event: Event, random: Random) -> bytes:
    """JSON under a good header: its first byte, read as Avro, is a string of negative length, so no
    schema reads it.
    """
    return value[:HEADER_BYTES] + json.dumps(event.record).encode()


CORRUPTIONS: tuple[Callable[[bytes, Event, Random], bytes | None], ...] = (
    _noise,
    _wrong_magic,
    _unknown_schema_id,
    _truncated,
    _tombstone,
    _wrong_body,
)
