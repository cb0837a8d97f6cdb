"""Brings the registry's champion to the workers: the first one at the start, every later one while
the query runs.
"""

import threading
from collections.abc import Callable
from typing import Protocol

from pipelines.base import logs
from pipelines.base.errors import ModelError, ServiceUnreachable
from pipelines.models.packed import Packed
from pipelines.models.published import CHALLENGER, PublishedModels
from pipelines.models.watch import Watch

log = logs.get(__name__)
NOT_LOOKED = ""  # no version has this name


class Registry(Protocol):
    """Where registered versions are, the champion and the challenger named among them."""

    def champion_version(self, name: str) -> str | None:
        """Return the champion's version, None where there is none yet."""

    def challenger_version(self, name: str) -> str | None:
        """Return the challenger's version, None where there is none."""

    def packed(self, name: str, version: str) -> Packed:
        """Return a registered version."""


class ChampionWatch:
    """Looks for a new champion every `poll_s` seconds, in a thread of the driver, and publishes it
    to the online store, until `stopping` is set.

    `load` raises ModelError for a version that may not serve, which then is not published.
    """

    def __init__(
        self,
        registry: Registry,
        models: PublishedModels,
        name: str,
        load: Callable[[Packed], object],
        poll_s: float,
        stopping: threading.Event,
    ) -> None:
        self.registry, self.models, self.name, self.load = registry, models, name, load
        self.poll_s, self.stopping = poll_s, stopping
        self.published: str | None = None
        self.shadowing: str | None = NOT_LOOKED  # the challenger that was last looked at
        self.shadow: str | None = None  # the same where it scores, None where it is a bad one
        self.refused: str | None = None
        self.logged: set[str] = set()
        self.watch = Watch("champion-watch", self.look, poll_s, stopping)

    def first(self) -> Packed:
        """Return the model to start with, waiting for one: the champion, or the published one while
        MLflow is away.
        """
        while not self.stopping.is_set():
            found = self._champion() or self._published()
            if found is not None:
                return found
            self._log_once("waiting_for_champion", f"no champion of {self.name} yet: train one")
            self.stopping.wait(self.poll_s)
        raise ModelError(f"Stopped before model {self.name} had a champion: train one, then start again.")

    def start(self) -> None:
        """Look from now on, in a thread that ends with the process; starting again changes
        nothing.
        """
        self.watch.start()

    def look(self) -> None:
        """Publish champion and challenger if they are not the published ones, also where the store
        has lost them; a bad or unreachable one is logged once.
        """
        try:
            champion, (held, held_challenger) = self.registry.champion_version(self.name), self.models.versions(self.name)
            self._log_losses(champion, held)
            if champion not in (None, self.refused) and not champion == self.published == held:
                self._publish(str(champion))
            challenger = self.registry.challenger_version(self.name)
            if (challenger, held_challenger) != (self.shadowing, self.shadow):
                self._shadow(challenger)
        except ServiceUnreachable as error:
            self._log_once("champion_not_published", str(error))

    def _log_losses(self, champion: str | None, held: str | None) -> None:
        """Log, once each, that the store has lost what it held, and that no version is the champion
        any more.
        """
        if self.published and held is None:
            log.error("online_store_was_emptied", model=self.name, next="states began anew: run make rebuild-store")
        if self.published and champion is None:
            self._log_once("champion_gone", f"no version of {self.name} is it; {self.published} goes on: run make promote")

    def _publish(self, version: str) -> None:
        try:
            packed = self.registry.packed(self.name, version)
            self.load(packed)
        except ModelError as error:
            self.refused = version
            log.error("champion_refused", version=version, serving=self.published, error=str(error))
            return
        self.models.publish(packed)
        self.published, self.refused = version, None
        self.logged.clear()
        log.info("champion_published", model=self.name, version=version)

    def _shadow(self, version: str | None) -> None:
        """Publish the challenger, or that there is none (any more); a bad one scores nothing."""
        packed = self._sound(version) if version else None
        if packed:
            self.models.publish(packed, CHALLENGER)
        else:
            self.models.withdraw_challenger(self.name)
        self.shadowing, self.shadow = version, version if packed else None
        log.info("challenger_published" if packed else "no_challenger", model=self.name, version=version)

    def _sound(self, version: str) -> Packed | None:
        try:
            packed = self.registry.packed(self.name, version)
            self.load(packed)
        except ModelError as error:
            log.error("challenger_refused", version=version, error=str(error))
            return None
        return packed

    def _champion(self) -> Packed | None:
        return self._loadable("champion_not_loaded", self.registry.champion_version, self.registry.packed)

    def _published(self) -> Packed | None:
        return self._loadable("published_model_not_loaded", self.models.current_version, self.models.packed)

    def _loadable(self, failure: str, current: Callable[[str], str | None], get: Callable[[str, str], Packed]) -> Packed | None:
        try:
            version = current(self.name)
            packed = get(self.name, version) if version else None
            if packed:
                self.load(packed)
        except (ModelError, ServiceUnreachable) as error:
            self._log_once(failure, str(error))
            return None
        except Exception as error:  # such as no space for what is fetched: the other one may do
            if failure not in self.logged:
                log.error(failure, exc_info=error)
            self.logged.add(failure)
            return None
        return packed

    def _log_once(self, event: str, why: str) -> None:
        """Log a state once, however long it lasts."""
        if event not in self.logged:
            log.warning(event, why=why)
        self.logged.add(event)
