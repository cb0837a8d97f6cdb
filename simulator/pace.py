"""Releases events when the simulated clock reaches them; at speed x1 that is the moment they
happen, whatever is done to the host's clock meanwhile.
"""

import time
from collections.abc import Callable, Iterable, Iterator

from pipelines.base import logs
from simulator.event import Event

log = logs.get(__name__)
MICROS = 1_000_000
LONGEST_BATCH = 1_000
TICK_S = 0.002  # events closer together than this leave together
DRIFT_S = 5.0  # the host's clock may be slewed, or set a little, without a word

Wait = Callable[[float], bool]


def micros(seconds: float) -> int:
    """Return seconds as integer microseconds."""
    return round(seconds * MICROS)


class SteadyTime:
    """Real time in seconds since 1970, read off the host's clock once and carried on by the
    monotonic one, so that it neither stands still nor leaps when the host's clock is set.

    Logs once for each time that the host's clock was set by more than some seconds, or went on
    while the machine slept.
    """

    def __init__(self, wall: Callable[[], float] = time.time, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._wall, self._monotonic = wall, monotonic
        self._began = wall() - monotonic()
        self._known_drift = 0.0

    def now(self) -> float:
        """Return the real time in seconds since 1970."""
        now = self._began + self._monotonic()
        drift = self._wall() - now
        if abs(drift - self._known_drift) > DRIFT_S:
            self._known_drift = drift
            log.warning(
                "host_clock_was_set",
                ahead_of_the_shop_s=round(drift, 1),
                action="the shop goes on by its own clock, and dates its events by it; started again, it follows the host's",
            )
        return now


class Clock:
    """A simulated clock that shows `start` (microseconds) at real time `began` and never passes
    real time, which is what `now` returns.
    """

    def __init__(self, start: int, speed: float, now: Callable[[], float], began: float | None = None) -> None:
        self.start = start
        self.speed = speed
        self.now = now
        self.began = now() if began is None else began

    def due(self, at: int) -> float:
        """Return the real time, in seconds since 1970, at which an event of simulated time `at`
        leaves.
        """
        return max(self.began + (at - self.start) / (MICROS * self.speed), at / MICROS)

    def behind(self, at: int) -> float:
        """Return by how many seconds the event of simulated time `at` is overdue."""
        return max(0.0, self.now() - self.due(at))


class Events(Iterator[Event]):
    """A stream of events into which one can be put back that was taken too early; `unsent` ones
    come first, last one first.
    """

    def __init__(self, events: Iterator[Event], unsent: Iterable[Event] = ()) -> None:
        self._events = events
        self.unsent = list(unsent)

    def __next__(self) -> Event:
        return self.unsent.pop() if self.unsent else next(self._events)


def paced(events: Events, clock: Clock, seconds: float, wait: Wait) -> Iterator[list[Event]]:
    """Yield for `seconds` of real time events in small batches as they fall due, about two
    milliseconds late at most.

    `wait` waits so many seconds and returns True when it is time to stop.
    """
    batch: list[Event] = []
    now, end = clock.now(), clock.began + seconds
    for event in events:
        due = clock.due(event.at)
        if due > now or len(batch) == LONGEST_BATCH:
            events.unsent.append(event)  # so that the shop may be saved between two batches
            if batch:
                yield batch
            moment = _moment(clock, min(due, end), wait)
            if moment is None or due >= end:
                return
            batch, now = [events.unsent.pop()], moment
            continue
        batch.append(event)
    if batch:
        yield batch


def _moment(clock: Clock, due: float, wait: Wait) -> float | None:
    """Wait until `due` and return the time then, or None when it is time to stop."""
    early = due - clock.now()
    return None if wait(max(early, TICK_S) if early > 0 else 0.0) else max(due, clock.now())


def bulk(events: Events, end: int, wait: Wait) -> Iterator[list[Event]]:
    """Yield events in large batches as fast as they come, up to simulated time `end`."""
    batch: list[Event] = []
    for event in events:
        if event.at >= end:
            events.unsent.append(event)
            break
        batch.append(event)
        if len(batch) == LONGEST_BATCH:
            yield batch
            batch = []
            if wait(0):
                return
    if batch:
        yield batch
