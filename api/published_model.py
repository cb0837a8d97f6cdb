"""The model that the API scores with: the published one, looked for every second in a thread that
no request waits for.
"""

import threading

from pipelines.base import logs
from pipelines.base.errors import ModelError, ServiceUnreachable
from pipelines.fraud.model import fraud_model
from pipelines.models.serving import Serving
from pipelines.online_store.client import OnlineStore

LOOK_EVERY_S = 1.0
NOTHING = "No model {name} is published yet: train one (make train) and let the streams run, which publish it."

log = logs.get(__name__)


class PublishedModel:
    """What is in use, and why nothing is."""

    def __init__(self, store: OnlineStore, name: str, every_s: float = LOOK_EVERY_S) -> None:
        self.store, self.name, self.every_s = store, name, every_s
        self.serving: Serving | None = None
        self.missing = ""
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._follow, name="published-model", daemon=True)

    @property
    def model(self) -> fraud_model.Model | None:
        """The model in use, None where there is none yet."""
        return self.serving.model if self.serving else None

    def start(self) -> None:
        """Look now, then again and again in the thread."""
        self.look()
        self.thread.start()

    def stop(self) -> None:
        """End the thread."""
        self.stopping.set()
        self.thread.join()

    def look(self) -> None:
        """Take up the published model where it is another one; one that is bad or out of reach
        changes nothing.
        """
        try:
            missing = self._taken_up(self.store.current_version(self.name))
        except (ModelError, ServiceUnreachable) as error:
            missing = str(error)
        if missing not in ("", self.missing):  # told once, however long it lasts
            log.warning("model_not_followed", why=missing, serving=self.model and self.model.version)
        self.missing = missing

    def _taken_up(self, version: str | None) -> str:
        """Serve this version, and return why nothing is served, if that is so."""
        if self.serving:
            self.serving.follow(version, self.store)
        elif version:
            self.serving = Serving(fraud_model.load(self.store.model(self.name, version)))
            log.info("model_loaded", model=self.name, version=version)
        return "" if self.serving else NOTHING.format(name=self.name)

    def _follow(self) -> None:
        while not self.stopping.wait(self.every_s):
            self.look()
