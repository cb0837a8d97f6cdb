"""Lets lines into the log once in a while, not with each request."""

import math
import time
from collections.abc import Callable

LOG_EVERY_S = 60.0


class OccasionalLog:
    """Knows when each kind of line was logged last; `clock` gives seconds."""

    def __init__(self, every_s: float = LOG_EVERY_S, clock: Callable[[], float] = time.monotonic) -> None:
        self.every_s, self.clock = every_s, clock
        self.logged_at: dict[str, float] = {}

    def is_due(self, kind: str) -> bool:
        """Return whether this kind has not been logged for a while, and note that it is."""
        now = self.clock()
        is_due = now - self.logged_at.get(kind, -math.inf) >= self.every_s
        if is_due:
            self.logged_at[kind] = now
        return is_due
