"""A client of the online store (Valkey) that gives up soon, for values that are bytes or records of
one size.

Most commands name several keys, so the server must not be one of a cluster (suitability.py).
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Self, TypeVar

import numpy as np
import valkey
from valkey.backoff import NoBackoff
from valkey.exceptions import AuthorizationError, ClusterDownError, TryAgainError
from valkey.retry import Retry

from pipelines.base.arrays import Records
from pipelines.base.errors import ServiceRefused, ServiceUnreachable
from pipelines.base.settings import Valkey

# Or more: a payment may be scored without its card's state, but a state that is not written is
# lost.
WRITING_TIMEOUT_S = 2.0
KEYS_PER_COMMAND = 500
OF_A_PIPELINE = " of pipeline caused error: "  # after the command, before what the server says
# What a server answers whose place another one is taking, or has taken: it passes.
PASSING = (valkey.ReadOnlyError, ClusterDownError, TryAgainError)
REFUSALS = (valkey.ResponseError, valkey.AuthenticationError, AuthorizationError)

Values = list[bytes | None]
Answer = TypeVar("Answer")


class Client:
    """Connections to one server: `reader` gives up soon, `writer` later.

    Both raise the library's errors; within `doing` they become ServiceUnreachable, or of its kind
    ServiceRefused where waiting does not help.
    """

    def __init__(self, server: Valkey) -> None:
        self.place = f"{server.host}:{server.port}"
        # Any, because the library's types are those of its blocking and its asynchronous client at
        # once.
        self.reader: Any = _connections(server, server.timeout_s)
        self.writer: Any = _connections(server, max(server.timeout_s, WRITING_TIMEOUT_S))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self.reader.close()
        self.writer.close()

    @contextmanager
    def doing(self, what: str) -> Iterator[None]:
        """Raise ServiceUnreachable, which names `what`, for whatever the server or the way to it
        refuses inside; ServiceRefused where the server answers that it will not.
        """
        try:
            yield
        except valkey.ValkeyError as error:
            if isinstance(error, valkey.ReadOnlyError):
                self.reconnect()
            refused = isinstance(error, REFUSALS) and not isinstance(error, PASSING)
            reason = str(error).rpartition(OF_A_PIPELINE)[2]
            raise (ServiceRefused if refused else ServiceUnreachable)(
                f"Could not {what}: the online store at {self.place} says {reason!r}; look at `make status`."
            ) from None  # the library quotes the whole command: card ids, and megabytes

    def reconnect(self) -> None:
        """Drop all connections that are not in use: the next ones go to whichever server has the
        name by then.
        """
        for connections in (self.reader, self.writer):
            connections.connection_pool.disconnect(inuse_connections=False)

    def writing(self, command: Callable[[], Answer]) -> Answer:
        """Return what a command that writes returns, done again over new connections where the
        server has become a replica.
        """
        try:
            return command()
        except valkey.ReadOnlyError:
            self.reconnect()
            return command()

    def get(self, keys: Sequence[str]) -> Values:
        """Return the values of any number of keys, in their order."""
        return [value for some in chunks(len(keys)) for value in self.reader.mget(keys[some])]

    def get_few(self, keys: Sequence[str]) -> Values:
        """Return the values of a few keys, in their order, by one command."""
        return list(self.reader.mget(keys))

    def get_after(self, ahead: Sequence[str], keys: Sequence[str]) -> tuple[Values, Values]:
        """Return the values of the few keys `ahead`, and of any number of `keys`: in one round trip
        where they are few too.
        """
        first, *more = chunks(len(keys)) or [slice(0)]
        pipe = self.reader.pipeline(transaction=False).mget(ahead)
        few, *values = (pipe.mget(keys[first]) if keys else pipe).execute()
        values += [self.reader.mget(keys[some]) for some in more]
        return few, [value for some in values for value in some]

    def get_written(self, keys: Sequence[str]) -> Values:
        """Return what `get` does, with the patience of a writer."""
        return [value for some in chunks(len(keys)) for value in self.writer.mget(keys[some])]

    def remove_matching(self, pattern: str) -> None:
        """Remove all keys that match a pattern."""
        keys = list(self.reader.scan_iter(pattern, count=KEYS_PER_COMMAND))
        for some in chunks(len(keys)):
            self.writer.unlink(*keys[some])


def chunks(count: int) -> list[slice]:
    """Return where the parts of so many keys lie that one command names."""
    return [slice(first, first + KEYS_PER_COMMAND) for first in range(0, count, KEYS_PER_COMMAND)]


def decoded(values: Sequence[bytes | None], kind: np.dtype[np.void]) -> Records:
    """Return values as records of a kind; all zeros, as every state begins, where there is no value
    or one of another size.
    """
    absent = bytes(kind.itemsize)
    whole = [value if value and len(value) == kind.itemsize else absent for value in values]
    return np.frombuffer(b"".join(whole), kind)


def _connections(server: Valkey, timeout_s: float) -> valkey.Valkey:
    return valkey.Valkey(
        server.host,
        server.port,
        password=server.password.get_secret_value(),
        socket_connect_timeout=server.timeout_s,
        socket_timeout=timeout_s,
        retry=Retry(NoBackoff(), 1),
        retry_on_timeout=True,
    )
