"""Whether this process was asked to stop: set by SIGTERM or SIGINT, looked at by everything that
waits.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from types import FrameType

ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # Ctrl-C, a kill, a terminal that was closed
requested = threading.Event()


def on_signals(*numbers: signal.Signals) -> None:
    """Take SIGTERM and SIGINT, or the signals named, for a request to stop."""
    arrived: SimpleQueue[int] = SimpleQueue()
    for number in numbers or (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: arrived.put(number))
    threading.Thread(target=_pass_on, args=[arrived], name="shutdown", daemon=True).start()


def _pass_on(arrived: "SimpleQueue[int]") -> None:
    """Set `requested` once a signal has come."""
    # Not in the handler: setting an Event there can deadlock with the wait that it interrupts,
    # which a SimpleQueue cannot.
    arrived.get()
    requested.set()


@contextmanager
def interruptible(*numbers: signal.Signals) -> Iterator[None]:
    """Raise KeyboardInterrupt in the block at SIGINT, SIGTERM or SIGHUP, or at the signals named,
    also where the shell had them ignored: for programs that block in calls, and so cannot look.

    Only in the main thread; at the end the signals mean again what they meant before.
    """
    before = {number: signal.signal(number, _interrupt) for number in numbers or ENDS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
