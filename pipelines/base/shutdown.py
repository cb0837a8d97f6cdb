"""Whether this process was asked to stop: set by SIGTERM or SIGINT, looked at by everything that
waits.
"""

import signal
import threading
from queue import SimpleQueue

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
