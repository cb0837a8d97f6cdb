"""Whether this process was asked to stop: set by SIGTERM or SIGINT, looked at by everything that waits."""

import signal
import threading
import time

LOOK_EVERY_S = 0.1

requested = threading.Event()


def on_signals() -> None:
    """Take SIGTERM and SIGINT for a request to stop."""
    asked: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: asked.append(number))
    threading.Thread(target=_pass_on, args=[asked], name="stopping", daemon=True).start()


def _pass_on(asked: list[int]) -> None:
    """Set `requested` once a signal has come."""
    # Not in the handler: setting an Event there can deadlock with the wait that it interrupts, as in simulator/stopping.py.
    while not asked:
        time.sleep(LOOK_EVERY_S)
    requested.set()
