"""Notices which topics have got a new schema, which running queries do not know yet."""

import time
from dataclasses import dataclass, field

from pipelines.base import logs
from pipelines.base.errors import TidemarkError
from pipelines.kafka import schema_registry

log = logs.get(__name__)

REGISTRY_EVERY_S = 10.0


@dataclass
class SchemaWatch:
    """Asks the registry every `every_s` seconds, however often it is itself asked."""

    every_s: float = REGISTRY_EVERY_S
    looked_at: float = field(default_factory=time.monotonic)

    def changed(self) -> frozenset[str]:
        """Return the topics of which a schema was registered since queries looked theirs up."""
        if time.monotonic() - self.looked_at < self.every_s:
            return frozenset()
        self.looked_at = time.monotonic()
        try:
            return schema_registry.forget_outdated()
        except TidemarkError as error:
            log.warning("registry_not_watched", error=str(error))
            return frozenset()
        except Exception as error:  # what nobody foresaw must not end all queries
            log.error("registry_not_watched", exc_info=error)
            return frozenset()
