"""What a process scores with: swapped for the published model between two batches or requests, and
left in use when that one is bad.
"""

import threading
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from pipelines.base import logs
from pipelines.base.errors import ModelError, ServiceUnreachable
from pipelines.models.packed import Packed
from pipelines.models.watch import Watch

log = logs.get(__name__)

NOTHING = "No model {name} is published yet: make one ({made_by}) and let the streams run, which publish it."


class Model(Protocol):
    """A loaded model of whatever kind, with the name and version that its scores carry."""

    @property
    def name(self) -> str:
        """The model's name in the registry."""

    @property
    def version(self) -> str:
        """The model's version in the registry."""


AnyModel = TypeVar("AnyModel", bound=Model)


class Models(Protocol):
    """Where published models are."""

    def packed(self, name: str, version: str) -> Packed:
        """Return a published version."""


class Published(Models, Protocol):
    """Where published models are, and which one is to be used."""

    def current_version(self, model_name: str) -> str | None:
        """Return the version of the published model; None where none is published."""


class Serving(Generic[AnyModel]):
    """The model in use, the challenger in its shadow, and the versions that were last refused.

    `load` makes a model of registered bytes, and raises ModelError for those that may not serve.
    """

    def __init__(self, model: AnyModel, load: Callable[[Packed], AnyModel]) -> None:
        self.model, self.load = model, load
        self.refused: str | None = None
        self.challenger: AnyModel | None = None
        self.refused_challenger: str | None = None

    def follow(self, version: str | None, models: Models) -> None:
        """Take up the published version if it is another than the one in use; a bad one is refused
        once and logged.
        """
        if version is None or version in (self.model.version, self.refused):
            return
        try:
            self.model = self.load(models.packed(self.model.name, version))
        except ModelError as error:
            self.refused = version
            log.error("model_refused", version=version, serving=self.model.version, error=str(error))
        else:
            self.refused = None
            log.info("model_swapped", version=version)

    def shadow(self, version: str | None, models: Models) -> None:
        """Let the published challenger score beside the model in use, or none; a bad one is refused
        once and logged.
        """
        if version is None or version in (self.model.version, self.refused_challenger):
            self.challenger = None
        elif version != (self.challenger and self.challenger.version):
            self.challenger = None
            try:
                self.challenger = self.load(models.packed(self.model.name, version))
            except ModelError as error:
                self.refused_challenger = version
                log.error("challenger_refused", version=version, error=str(error))
            else:
                log.info("challenger_taken_up", version=version)


class Expected(Generic[AnyModel]):
    """The model in use by a process that goes on without one: None until one is published and can
    be loaded.
    """

    def __init__(self, name: str, load: Callable[[Packed], AnyModel]) -> None:
        self.name, self.load = name, load
        self.serving: Serving[AnyModel] | None = None
        self.refused: str | None = None

    @property
    def model(self) -> AnyModel | None:
        """The model in use, None where there is none yet."""
        return self.serving.model if self.serving else None

    def follow(self, version: str | None, models: Models) -> None:
        """Take up the published version if it is another than the one in use; a bad one is refused
        once and logged.
        """
        if self.serving:
            self.serving.follow(version, models)
        elif version not in (None, self.refused):
            try:
                self.serving = Serving(self.load(models.packed(self.name, str(version))), self.load)
            except ModelError as error:
                self.refused = version
                log.error("model_refused", version=version, serving=None, error=str(error))
            else:
                log.info("model_taken_up", version=version)


class ServedModel(Generic[AnyModel]):
    """The model in use by a process that has no batches, such as an API: the published one is
    looked for every `every_s` seconds in a thread that no request waits for. `missing` says why
    there is none; `made_by` is the command that makes one.
    """

    def __init__(
        self, models: Published, name: str, load: Callable[[Packed], AnyModel], made_by: str, every_s: float = 1.0
    ) -> None:
        self.models, self.name, self.load, self.made_by = models, name, load, made_by
        self.serving: Serving[AnyModel] | None = None
        self.missing = ""
        self.watch = Watch("served-model", self.look, every_s, threading.Event())

    @property
    def model(self) -> AnyModel | None:
        """The model in use, None where there is none yet."""
        return self.serving.model if self.serving else None

    def start(self) -> None:
        """Look now, so that the first request finds a model, then again and again in the thread."""
        self.watch.look_once()
        self.watch.start()

    def stop(self) -> None:
        """End the thread."""
        self.watch.stop()

    def look(self) -> None:
        """Take up the published model where it is another one; one that is bad or out of reach
        changes nothing.
        """
        try:
            missing = self._taken_up(self.models.current_version(self.name))
        except (ModelError, ServiceUnreachable) as error:
            missing = str(error)
        except Exception as error:
            self.missing = f"The published model cannot be taken up ({error!r}): the log says more."
            raise  # for the watch, which logs it and looks again
        if missing not in ("", self.missing):  # logged once, however long it lasts
            log.warning("model_not_followed", why=missing, serving=self.model and self.model.version)
        self.missing = missing

    def _taken_up(self, version: str | None) -> str:
        """Serve this version, and return why nothing is served, if that is so."""
        if self.serving:
            self.serving.follow(version, self.models)
        elif version:
            self.serving = Serving(self.load(self.models.packed(self.name, version)), self.load)
            log.info("model_loaded", model=self.name, version=version)
        return "" if self.serving else NOTHING.format(name=self.name, made_by=self.made_by)
