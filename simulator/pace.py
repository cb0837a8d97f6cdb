"""Releases events when the simulated clock reaches them; at speed x1 that is the moment they happen."""

import time
from collections.abc import Callable, Iterator
from itertools import takewhile

from simulator.event import Event

MICROS = 1_000_000
LONGEST_BATCH = 1_000
TICK_S = 0.002  # events closer together than this leave together


def micros(seconds: float) -> int:
    """Return seconds as integer microseconds."""
    return round(seconds * MICROS)


class Clock:
    """A simulated clock that starts at `start` (microseconds) now, runs `speed` times as fast, and never passes real time."""

    def __init__(self, start: int, speed: float = 1.0, now: Callable[[], float] = time.time) -> None:
        self.start = start
        self.speed = speed
        self.now = now
        self.began = now()

    def due(self, at: int) -> float:
        """Return the real time, in seconds since 1970, at which an event of simulated time `at` leaves."""
        return max(self.began + (at - self.start) / (MICROS * self.speed), at / MICROS)

    def behind(self, at: int) -> float:
        """Return by how many seconds the event of simulated time `at` is overdue."""
        return max(0.0, self.now() - self.due(at))


def until(events: Iterator[Event], clock: Clock, seconds: float) -> Iterator[Event]:
    """Return the events that leave within `seconds` of real time."""
    end = clock.began + seconds
    return takewhile(lambda event: clock.due(event.at) < end, events)


def paced(events: Iterator[Event], clock: Clock, wait: Callable[[float], bool]) -> Iterator[list[Event]]:
    """Yield events in small batches as they fall due, at most about two milliseconds late.

    `wait` waits so many seconds and returns True when it is time to stop, like threading.Event.wait.
    """
    batch: list[Event] = []
    now = clock.now()
    for event in events:
        if clock.due(event.at) > now or len(batch) == LONGEST_BATCH:
            if batch:
                yield batch
            batch, now = [], clock.now()
            early = clock.due(event.at) - now
            if early > 0 and wait(max(early, TICK_S)):
                return
            now = max(now, clock.now())
        batch.append(event)
    if batch:
        yield batch
