"""A model as it travels between registry, store and workers: its bytes in the native format and
what must be true of them.
"""

import hashlib
from dataclasses import dataclass

from pipelines.base.errors import ModelError


@dataclass(frozen=True)
class Packed:
    """A registered model version: native bytes, their SHA-256, and the feature set it was trained
    on.
    """

    name: str
    version: str
    feature_set: str
    sha256: str
    content: bytes

    def verify(self, feature_set: str) -> None:
        """Raise ModelError when the bytes are not those that were registered or were trained on
        other features.
        """
        digest = hashlib.sha256(self.content).hexdigest()
        if digest != self.sha256:
            raise ModelError(
                f"Model {self.name} version {self.version} is not what was registered: its SHA-256 is {digest} and should be "
                f"{self.sha256}; train again or move the champion alias back."
            )
        if self.feature_set != feature_set:
            raise ModelError(
                f"Model {self.name} version {self.version} was trained on the features {self.feature_set}, and this code makes "
                f"{feature_set}: train again or move the champion alias back."
            )
