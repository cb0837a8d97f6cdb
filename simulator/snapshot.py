"""Saves the shop while it runs and between two runs, so that the next one goes on where this one
stopped or was killed.
"""

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from pipelines.base import logs
from pipelines.base.errors import TidemarkError
from pipelines.base.paths import located
from pipelines.base.settings import settings
from pipelines.contracts import schemas
from simulator.event import Event
from simulator.offer_journal import RepeatedOffers
from simulator.pace import Events, micros
from simulator.shop import Catalogue, Shop
from simulator.shop.exposures import Offers

log = logs.get(__name__)
SAVE_EVERY_S, AT_LEAST_EVERY_S = 30.0, 300.0
# The shop stands still while it is written, so a large one is written less often.
SHARE_OF_TIME = 0.01
# And no disk is to be worn out by a demo: a megabyte a second.
BYTES_PER_S = 1_000_000
# Newer formats are refused. The first one had no packed bytes behind its line of JSON, the second
# no lists that visitors had been shown.
FORMAT = 3
PACKED = "packed_bytes"
TRY_AGAIN_S = 5.0
# How far a run may get before it is saved again; a broker that takes longer makes it stand still.
AHEAD_S = 900.0


class OpenShop(NamedTuple):
    """A shop, its stream of events, and the simulated time from which it is open."""

    shop: Shop
    events: Events
    start: int


class Unfinished(NamedTuple):
    """A shop whose run was cut short, and the simulated time up to which that run may have sent
    events, or had to.
    """

    open_shop: OpenShop
    until: int


class SeedTaken(TidemarkError):
    """Another process runs the shop of this seed."""


class Unreadable(TidemarkError):
    """The snapshot of a shop is damaged."""


def folder() -> Path:
    """Return where snapshots lie, made if it was missing: `<state>/simulator`."""
    folder = Path(located(settings().state)) / "simulator"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def path(seed: int) -> Path:
    """Return the snapshot of the shop of this seed."""
    return folder() / f"snapshot-{seed}.json"


def journal(seed: int) -> Path:
    """Return where the shop of this seed writes down what it has shown since it was saved."""
    return folder() / f"shown-{seed}.jsonl"


@contextmanager
def alone(seed: int) -> Iterator[None]:
    """Be the only process that runs the shop of this seed; raises SeedTaken when another does.

    Two would give the same ids to different events. The lock goes with the process, however that
    ends.
    """
    with (folder() / f"lock-{seed}").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise SeedTaken(f"A simulator runs the shop of seed {seed} already: stop it, or take another --seed.") from error
        yield


def read(seed: int) -> dict[str, Any] | None:
    """Return the snapshot of the shop of this seed, if there is one; raises Unreadable where it is
    damaged.
    """
    file = path(seed)
    if not file.is_file():
        return None
    try:
        with file.open("rb") as opened:
            return loaded(opened)
    except ValueError as error:
        raise Unreadable(
            f"The kept shop {file} cannot be read ({error}): put it back from a backup, take another --seed, or begin anew "
            "with `make clean`; a shop of the same seed without it would give its ids again."
        ) from error


def dump(state: dict[str, Any], out: BinaryIO) -> None:
    """Write a shop's state: a line of JSON, and behind it the packed bytes in it, each in the order
    in which the line gives its length.

    Nothing is copied: packed orders are the most of a shop that has been open for long.
    """
    packed: list[bytearray] = []

    def apart(value: bytearray) -> dict[str, int]:
        packed.append(value)
        return {PACKED: len(value)}

    out.write(json.dumps(state, default=apart).encode() + b"\n")
    out.writelines(packed)


def loaded(file: BinaryIO) -> dict[str, Any]:
    """Return the state that a file holds; raises ValueError where it is damaged."""

    def whole(value: dict[str, Any]) -> Any:
        return _packed(file, value[PACKED]) if value.keys() == {PACKED} else value

    state: Any = json.loads(file.readline(), object_hook=whole)
    if file.read(1):
        raise ValueError("there is more in it than it says")
    if not isinstance(state, dict) or state.get("format", 1) > FORMAT:
        raise ValueError(f"formats up to {FORMAT} are known, and this is another one")
    return state


def _packed(file: BinaryIO, size: int) -> bytearray:
    packed = bytearray(file.read(size))
    if len(packed) != size:
        raise ValueError("its end is missing")
    return packed


def save(seed: int, open_shop: OpenShop, until: int = 0) -> int:
    """Save the shop, its events that were not sent, and the time `until` which a run that goes on
    may send more; return how many bytes that took.

    A reader never sees half a file, and the last snapshot stays until this one is whole, also when
    the power fails.
    """
    file = path(seed)
    fresh = file.with_suffix(".new")
    shop, unsent = open_shop.shop.snapshot(), open_shop.events.unsent
    with fresh.open("wb") as out:
        dump({"format": FORMAT, "shop": shop, "unsent": unsent, "until": until}, out)
        out.flush()
        os.fsync(out.fileno())
        size = out.tell()
    fresh.replace(file)
    _on_disk(file.parent)
    return size


def _on_disk(folder: Path) -> None:
    """Return once what a folder's names mean is on the disk."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


class Saver:
    """Saves a running shop now and then, as soon as everything sent so far is `settled`, that is
    acknowledged.

    A snapshot says how far the run may get before the next one: by `speed` simulated seconds a
    second, or to `until`. A run that got further and was killed would give the ids of those events
    to others, so it stands still there until it is saved.
    """

    def __init__(
        self,
        seed: int,
        open_shop: OpenShop,
        settled: Callable[[], bool],
        stopping: Callable[[], bool],
        *,
        speed: float = 1.0,
        until: int | None = None,
        after_save: Callable[[], None] = lambda: None,
    ) -> None:
        self._seed, self._open_shop, self._settled, self._stopping = seed, open_shop, settled, stopping
        self._speed, self._until, self._after_save = speed, until, after_save
        self._due, self._covered_until = 0.0, 0

    def covered(self, batches: Iterable[list[Event]]) -> Iterator[list[Event]]:
        """Pass on the shop's batches, none before a snapshot covers it, and save the shop in
        between when that is due.
        """
        for batch in batches:
            unsent = self._open_shop.events.unsent
            # As long as it is not passed on, a shop that is saved still has to send it.
            unsent.extend(reversed(batch))
            if not self._may_send(batch[-1].at):
                return
            del unsent[-len(batch) :]
            yield batch

    def _may_send(self, at: int) -> bool:
        """Return whether the shop may send events up to simulated time `at`; False when the process
        was asked to stop meanwhile.
        """
        self._look(at)
        if at >= self._covered_until:
            log.warning("shop_stands_still", reason="the broker has not acknowledged what was sent, and so it cannot be saved")
        while at >= self._covered_until:
            if self._stopping():
                return False
            self._look(at)
        return True

    def _look(self, at: int) -> None:
        """Save the shop, which is about to send events up to simulated time `at`, if that is due or
        further than it may get.
        """
        began = time.monotonic()
        if began < self._due and at < self._covered_until:
            return
        if not self._settled():
            self._due = began + TRY_AGAIN_S
            return
        until = at + micros(self._speed * AHEAD_S) if self._until is None else self._until
        size = save(self._seed, self._open_shop, until)
        self._after_save()
        self._covered_until = until
        now = time.monotonic()
        self._due = now + min(max((now - began) / SHARE_OF_TIME, size / BYTES_PER_S, SAVE_EVERY_S), AT_LEAST_EVERY_S)


def unfinished(seed: int, now: int, catalogue: Catalogue | None) -> Unfinished | None:
    """Return the shop of a run that was cut short, exactly as it was saved, if there is one that
    has something to send.

    Its events are the very ones that the run sent or would have sent, with the same ids: sent
    again, they are copies. Visitors see the lists that they saw then.
    """
    saved = read(seed)
    if saved is None:
        return None
    until, reached = min(saved["until"], now), saved["shop"]["world"]["now"]
    if until <= reached:
        return None
    offers = RepeatedOffers.of(journal(seed)) if saved["shop"].get("shows_lists") else None
    return Unfinished(_restored(saved, Shop.restore(saved["shop"], catalogue=catalogue, offers=offers), reached), until)


def opened(
    seed: int, start: int, rate: float, catalogue: Catalogue | None, steady: bool = False, offers: Offers | None = None
) -> OpenShop:
    """Return the shop that was saved, closed until `start`, or a new one that opens then."""
    saved = read(seed)
    if saved is None:
        return new(seed, start, rate, catalogue, steady=steady, offers=offers)
    start = max(start, saved["shop"]["world"]["now"])
    shop = Shop.restore(
        saved["shop"], start=start, rate=rate, steady=steady, clicks_share=1.0, catalogue=catalogue, offers=offers
    )
    return _restored(saved, shop, start)


def new(
    seed: int,
    start: int,
    rate: float,
    catalogue: Catalogue | None,
    clicks_share: float = 1.0,
    steady: bool = False,
    offers: Offers | None = None,
) -> OpenShop:
    """Return a shop that opens at `start`."""
    shop = Shop(seed, start, rate, catalogue, steady=steady, clicks_share=clicks_share, offers=offers)
    return OpenShop(shop, Events(shop.events()), start)


def _restored(saved: dict[str, Any], shop: Shop, start: int) -> OpenShop:
    unsent = [_as_of_today(Event(*fields)) for fields in saved["unsent"]]
    return OpenShop(shop, Events(shop.events(), unsent), start)


def _as_of_today(event: Event) -> Event:
    """Return an event with the fields that its topic's record has got since the event was saved."""
    return event._replace(record={**_defaults(event.topic), **event.record})


@cache
def _defaults(topic: str) -> dict[str, Any]:
    """Return what the fields of a topic's record are where nothing is said of them."""
    fields = json.loads(schemas.reader(topic))["fields"]
    return {field["name"]: field["default"] for field in fields if "default" in field}
