"""What a supervised service is: how it starts, when it is ready, what it needs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


def nothing() -> None:
    """Do nothing: for services that need no preparing or finishing."""


@dataclass(frozen=True)
class Service:
    """One program under supervision.

    `ready` answers whether it does its work now; `prepare` runs before its start (write its
    configuration, format its disk), `finish` once it is ready (create its databases); `ports` maps
    the setting that names a port to the port; `secrets` reach the process through its environment
    and are never written down.
    """

    name: str
    command: list[str]
    ready: Callable[[], bool]
    ports: Mapping[str, int] = field(default_factory=dict)
    prepare: Callable[[], None] = nothing
    finish: Callable[[], None] = nothing
    needs: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    start_within_s: float = 300
    stop_within_s: int = 30
    stop_signal: str = "TERM"

    @property
    def port(self) -> int | None:
        """The port people connect to: the first one."""
        return next(iter(self.ports.values()), None)
