"""Whether this process was asked to stop: set by SIGTERM or SIGINT, looked at by everything that
waits.
"""

import signal
import threading
from queue import SimpleQueue

requested = threading.Event()


def on_signals() -> None:
    """Take SIGTERM and SIGINT for a request to stop."""
    asked: SimpleQueue[int] = SimpleQueue()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: asked.put(number))
    threading.Thread(target=_pass_on, args=[asked], name="stopping", daemon=True).start()


def _pass_on(asked: SimpleQueue[int]) -> None:
    """Set `requested` once a signal has come."""
    # Not in the handler: setting an Event there can deadlock with the wait that it interrupts,
    # which a SimpleQueue cannot.
    asked.get()
    requested.set()
