"""Stops a run between two batches when SIGTERM or SIGINT (Ctrl-C) asks for it."""

import signal
import time
from types import FrameType

LOOK_EVERY_S = 0.1


class Stop:
    """Waits, and knows whether the process was asked to stop.

    Not threading.Event: setting one in a signal handler can deadlock with the wait that it
    interrupts.
    """

    def __init__(self) -> None:
        self.asked = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask)

    def wait(self, seconds: float) -> bool:
        """Wait so many seconds, or until asked to stop; return whether that was asked."""
        end = time.monotonic() + seconds
        while not self.asked and (left := end - time.monotonic()) > 0:
            time.sleep(min(left, LOOK_EVERY_S))
        return self.asked

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self.asked = True
