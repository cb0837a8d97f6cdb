"""Reads states of the online store for requests, which are answered without them where it fails, is
slow, or has lost what it held.
"""

from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar

from prometheus_client import Counter

from api.batcher import Batcher
from api.occasional_log import OccasionalLog
from pipelines.base import logs
from pipelines.base.errors import ServiceUnreachable

log = logs.get(__name__)


class Versioned(Protocol):
    """What was read, with the version of the model that the store had published then."""

    @property
    def model_version(self) -> str | None:
        """None where no model is in the store."""


Wanted = TypeVar("Wanted")
Reading = TypeVar("Reading", bound=Versioned)


class StateReader(Generic[Wanted, Reading]):
    """Reads by `peek` what all who wait want, in one thread, each waiting at most `within_s`
    seconds; counts in `degraded` by what the store was, and logs it as `event`.

    `what` is as for Batcher.
    """

    def __init__(
        self,
        what: str,
        peek: Callable[[Sequence[Wanted]], Sequence[Reading]],
        within_s: float,
        degraded: Counter,
        event: str,
    ) -> None:
        self.batcher = Batcher(what, peek, within_s)
        self.degraded, self.event, self.occasional = degraded, event, OccasionalLog()

    async def read(self, wanted: Wanted) -> Reading | None:
        """Return what the store holds; None where it is late, or has lost what it held."""
        try:
            reading = await self.batcher.answer(wanted)
        except ServiceUnreachable as error:
            self._count("failed", str(error))
        except TimeoutError:
            self._count("slow", f"no answer within {self.batcher.within_s:g} s")
        else:
            if reading.model_version is not None:
                return reading
            self._count("empty", "not even the published model is in it: the streams publish it again")
        return None

    def close(self) -> None:
        """End the thread once its reading is over."""
        self.batcher.close()

    def _count(self, store: str, why: str) -> None:
        self.degraded.labels(store).inc()
        if self.occasional.is_due(store):
            log.warning(self.event, store=store, why=why)
