"""What a worker scores with: swapped at a batch boundary when the store names another model, kept
when that one is bad.
"""

from typing import Protocol

from pipelines.base import logs
from pipelines.base.errors import ModelError
from pipelines.fraud.model import fraud_model
from pipelines.models.packed import Packed

log = logs.get(__name__)


class Models(Protocol):
    """Where published models are held."""

    def model(self, name: str, version: str) -> Packed:
        """Return a published model."""


class Serving:
    """The model in use, the challenger in its shadow, and the versions that were last refused."""

    def __init__(self, model: fraud_model.Model) -> None:
        self.model = model
        self.refused: str | None = None
        self.challenger: fraud_model.Model | None = None
        self.refused_challenger: str | None = None

    def follow(self, version: str | None, models: Models) -> None:
        """Take up the published version if it is another than the one in use; a bad one is refused
        once and logged.
        """
        if version is None or version in (self.model.version, self.refused):
            return
        try:
            self.model = fraud_model.load(models.model(self.model.name, version))
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
                self.challenger = fraud_model.load(models.model(self.model.name, version))
            except ModelError as error:
                self.refused_challenger = version
                log.error("challenger_refused", version=version, error=str(error))
            else:
                log.info("challenger_taken_up", version=version)
