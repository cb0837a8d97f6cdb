"""A look at something that changes, taken again and again in a thread of its own."""

import threading
from collections.abc import Callable

from pipelines.base import logs

log = logs.get(__name__)


class Watch:
    """Calls `look` at once and then every `every_s` seconds, also where it fails, until `stopping`
    is set.
    """

    def __init__(self, name: str, look: Callable[[], None], every_s: float, stopping: threading.Event) -> None:
        self.look, self.every_s, self.stopping = look, every_s, stopping
        self.thread = threading.Thread(target=self._live, name=name, daemon=True)
        self.failure = ""

    def start(self) -> None:
        """Look from now on; starting again changes nothing."""
        if self.thread.ident is None:
            self.thread.start()

    def stop(self) -> None:
        """Set `stopping`, and return once the thread has ended."""
        self.stopping.set()
        if self.thread.ident is not None:
            self.thread.join()

    def look_once(self) -> None:
        """Look now; what nobody foresaw is logged once, however often it comes in a row, and raised
        never: it would end the thread in silence.
        """
        try:
            self.look()
        except Exception as error:
            if repr(error) != self.failure:
                log.error("watch_failed_unforeseen", watch=self.thread.name, exc_info=error)
            self.failure = repr(error)
        else:
            self.failure = ""

    def _live(self) -> None:
        self.look_once()
        while not self.stopping.wait(self.every_s):
            self.look_once()
