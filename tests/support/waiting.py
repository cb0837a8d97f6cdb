"""Waits for a condition instead of for a time."""

import threading
import time
from collections.abc import Callable

LOOK_EVERY_S = 0.5


def until(condition: Callable[[], bool], what: str, within_s: float = 900.0) -> None:
    """Return once the condition holds; fail with `what` when it does not within a generous time."""
    end = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end, f"waited {within_s:g} s in vain until {what}"
        threading.Event().wait(LOOK_EVERY_S)
