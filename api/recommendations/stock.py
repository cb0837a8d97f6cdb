"""Which products may not be shown, as the online store knew it last."""

import threading

import numpy as np

from pipelines.base import logs
from pipelines.base.errors import ServiceUnreachable
from pipelines.models.watch import Watch
from pipelines.recommendations.model.lists import Hashes
from pipelines.recommendations.store import RecommendationStore

log = logs.get(__name__)
LOOK_EVERY_S = 1.0


class Stock:
    """Reads every `every_s` seconds, in a thread that no request waits for, which products are out
    of stock (sorted hashes).
    """

    def __init__(self, store: RecommendationStore, every_s: float = LOOK_EVERY_S) -> None:
        self.store = store
        self.unavailable: Hashes = np.zeros(0, np.uint64)
        self.is_current = False
        self.watch = Watch("stock", self.look, every_s, threading.Event())

    def start(self) -> None:
        """Look now, then again and again in the thread."""
        self.watch.look_once()
        self.watch.start()

    def stop(self) -> None:
        """End the thread."""
        self.watch.stop()

    def look(self) -> None:
        """Read the products; a store out of reach leaves those that were read last."""
        try:
            (self.unavailable, _), is_current = self.store.unavailable(), True
        except ServiceUnreachable as error:
            is_current = False
            if self.is_current:  # logged once, however long it lasts
                log.warning("stock_not_followed", why=str(error))
        self.is_current = is_current
