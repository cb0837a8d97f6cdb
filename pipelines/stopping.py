"""Whether this process was asked to stop: set by SIGTERM or SIGINT, looked at by everything that waits."""

import signal
import threading
from types import FrameType

requested = threading.Event()


def on_signals() -> None:
    """Take SIGTERM and SIGINT for a request to stop."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _request)


def _request(number: int, frame: FrameType | None) -> None:
    requested.set()
