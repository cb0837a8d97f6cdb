"""A client of the online store (Valkey) that gives up soon, for values that are bytes or records of
one size.

Whatever command names several keys is made here: on a cluster of servers these would have to be
sorted by slot first.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Self

import numpy as np
import valkey
from valkey.backoff import NoBackoff
from valkey.retry import Retry

from pipelines.base.arrays import Records
from pipelines.base.errors import ServiceUnreachable
from pipelines.base.settings import Valkey

# Or more: a payment may be scored without its card's state, but a state that is not written is
# lost.
WRITING_TIMEOUT_S = 2.0
KEYS_PER_COMMAND = 500
OF_A_PIPELINE = " of pipeline caused error: "  # after the command, before what the server says

Values = list[bytes | None]


class Client:
    """Connections to one server: `reader` gives up soon, `writer` later.

    Both raise the library's errors; within `doing` they become ServiceUnreachable.
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
        refuses inside.
        """
        try:
            yield
        except valkey.ValkeyError as error:
            reason = str(error).rpartition(OF_A_PIPELINE)[2]
            raise ServiceUnreachable(
                f"Could not {what}: the online store at {self.place} says {reason!r}; look at `make status`."
            ) from None  # the library quotes the whole command: card ids, and megabytes

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

    def put_records(self, keys: Sequence[str], records: Callable[[slice], Records]) -> None:
        """Write one record per key, the `records` of each chunk of keys made only then: they are
        copied within the cache.
        """
        # Not as one pipeline: of 16,000 cards at once it was not through the socket in time.
        for some in chunks(len(keys)):
            self.writer.mset(_with_bytes(keys[some], records(some)))

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


def _with_bytes(keys: Sequence[str], records: Records) -> dict[str, bytes]:
    """Return each key with the bytes of its record."""
    size, whole = records.itemsize, records.tobytes()
    return {key: whole[i * size : (i + 1) * size] for i, key in enumerate(keys)}


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
