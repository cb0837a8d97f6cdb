"""Models as the online store holds them: which version is published in which role, and its
bytes.
"""

import json
from dataclasses import asdict
from typing import Any

from pipelines.base.errors import ModelError
from pipelines.models.packed import Packed
from pipelines.online_store.client import Client

CURRENT, CHALLENGER = "current", "challenger"  # the roles in which a model is published
OLD_MODEL_S = 86_400  # a replaced model stays this long for workers that are about to load it


def pointer(model_name: str, role: str = CURRENT) -> str:
    """Return the key under which the version is that is published in a role."""
    return f"model:{model_name}:{role}"


class PublishedModels:
    """The published models of one server; every method raises ServiceUnreachable when it fails."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def publish(self, packed: Packed, role: str = CURRENT) -> None:
        """Make `packed` the current model of its name, or its challenger, at once for every
        worker.
        """
        facts = {name: value for name, value in asdict(packed).items() if name != "content"}
        key = _model_key(packed.name, packed.version)
        with self.client.doing(f"publish model {packed.name} version {packed.version}"):
            before, beside = self._versions(packed.name, role)
            pipe = self.client.reader.pipeline(transaction=True)
            pipe.hset(key, mapping={"facts": json.dumps(facts), "content": packed.content})
            pipe.set(pointer(packed.name, role), packed.version)
            if before and before not in (packed.version, beside):
                pipe.expire(_model_key(packed.name, before), OLD_MODEL_S)
            pipe.persist(key).execute()

    def withdraw_challenger(self, model_name: str) -> None:
        """Let no challenger score any more."""
        with self.client.doing(f"withdraw the challenger of {model_name}"):
            version, current = self._versions(model_name, CHALLENGER)
            pipe = self.client.reader.pipeline(transaction=True).delete(pointer(model_name, CHALLENGER))
            if version and version != current:
                pipe.expire(_model_key(model_name, version), OLD_MODEL_S)
            pipe.execute()

    def current_version(self, model_name: str) -> str | None:
        """Return the version of the published model; None where none is published."""
        return self.versions(model_name)[0]

    def versions(self, model_name: str) -> tuple[str | None, str | None]:
        """Return the versions of the published model and of its challenger; None where there is
        none.
        """
        with self.client.doing(f"read the current versions of model {model_name}"):
            return self._versions(model_name, CURRENT)

    def packed(self, name: str, version: str) -> Packed:
        """Return a published model; raises ModelError when the store does not hold it whole."""
        with self.client.doing(f"read model {name} version {version}"):
            found: dict[bytes, Any] = self.client.reader.hgetall(_model_key(name, version))
        try:
            return Packed(**json.loads(found[b"facts"]), content=found[b"content"])
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(
                f"The online store at {self.client.place} does not hold model {name} version {version} whole: "
                "the scorer's driver publishes the champion again when it starts."
            ) from error

    def _versions(self, model_name: str, role: str) -> tuple[str | None, str | None]:
        """Return the version that is published in a role, and the one in the other."""
        other = CHALLENGER if role == CURRENT else CURRENT
        version, beside = self.client.get_few([pointer(model_name, role), pointer(model_name, other)])
        return version.decode() if version else None, beside.decode() if beside else None


def _model_key(name: str, version: str) -> str:
    return f"model:{name}:{version}"
