"""States in the online store, so written that a batch can be done again.

A record holds a state before and after the last batch that was applied to it, with that batch's
query and number. A batch that is done again, after a crash or by a retried task, finds its own
number and starts from the state before; every other batch starts from the state after. So dying
anywhere gives the states and scores of never having died.
Where two tasks of one batch may have the same state, and write it at the same moment, the states
are joined: the server refuses to put a record in the place of one of the same batch, and the state
after is joined with what the other task has left.
No batch is written over a later one of its query: whoever tries has been replaced, and fails.
"""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pipelines.base import logs
from pipelines.base.arrays import Records
from pipelines.base.errors import CheckpointError
from pipelines.online_store import fence
from pipelines.online_store.client import Client, Values, chunks, decoded
from pipelines.online_store.fenced_records import FencedRecords

log = logs.get(__name__)

BATCH_FIELDS = [("query", "u8", (2,)), ("batch", "i8")]
QUERY_BYTES = 16
FENCE = "last_batch:"  # and a query's id: the key of its last batch that has written

# Adds to the first states, in place, what the second ones have that the first lack.
Join = Callable[[Records, Records], None]


@dataclass(frozen=True)
class Batch:
    """One micro-batch: the streaming query's id (a UUID) and the batch's number."""

    query_id: str
    number: int

    @property
    def query(self) -> Records:
        """The query's id as records hold it."""
        return np.frombuffer(uuid.UUID(self.query_id).bytes, "u8")


def two_versions(state: np.dtype[np.void]) -> np.dtype[np.void]:
    """Return the type of the records of a kind of state."""
    return np.dtype([*BATCH_FIELDS, ("before", state), ("after", state)], align=True)


class TwoVersionRecords:
    """The records of one kind of state in one server, which forgets those that `write` has left
    `expire_s` seconds ago.
    """

    def __init__(self, client: Client, kind: np.dtype[np.void], expire_s: int | None = None) -> None:
        self.client, self.kind, self.expire_s = client, kind, expire_s
        self.fenced = FencedRecords(client, kind, QUERY_BYTES, "batch")

    def starting(self, values: Values, batch: Batch) -> Records:
        """Return the states from which a batch starts, of values that were read.

        Raises CheckpointError where a later batch of the same query was applied already.
        """
        records = decoded(values, self.kind)
        of_query = (records["query"] == batch.query).all(axis=1)
        if (of_query & (records["batch"] > batch.number)).any():
            raise CheckpointError(
                f"The online store has already folded a later batch than {batch.number} of query {batch.query_id}: where "
                "another process has gone on with its checkpoint, stop this one; where the checkpoint was set back further "
                "than one batch, empty the online store and score from the beginning."
            )
        again = of_query & (records["batch"] == batch.number)
        return np.where(again, records["before"], records["after"])

    def latest(self, values: Values) -> Records:
        """Return the states after the last batch applied to each, whichever that was."""
        return decoded(values, self.kind)["after"].copy()

    def write(
        self, keys: Sequence[str], before: Records, after: Records, batch: Batch, beside: Sequence[Mapping[str, bytes]] = ()
    ) -> None:
        """Store the states before and after a batch, one of each per key; where given, in the same
        step also what belongs `beside` each of them, values by key.

        Raises CheckpointError where a later batch of the same query was written before, which then
        stays.
        """
        # Not as one transaction: of 16,000 cards at once it was not through the socket in time.
        # The records of each chunk are made only then: they are copied within the cache.
        for some in chunks(len(keys)):
            values = _with_bytes(keys[some], self._records(before[some], after[some], batch))
            for each in beside[some]:
                values |= each
            if not self._written(values, batch, begins=some.start == 0):
                _refuse(len(keys) - some.start, batch)

    def _written(self, values: Mapping[str, bytes], batch: Batch, *, begins: bool) -> bool:
        key = f"{FENCE}{batch.query_id}"
        return fence.written(self.client, key, batch.number, values, begins=begins, expire_s=self.expire_s)

    def write_joined(self, keys: Sequence[str], before: Records, after: Records, batch: Batch, join: Join) -> None:
        """Store the states before and after a batch, one of each per key, joined with what other
        tasks of this batch have left of them.

        Raises CheckpointError as `write` does.
        """
        records = self._records(before, after, batch)
        late, left = self.fenced.write_unless_written(keys, records, records[:0])
        while left:
            keys, records = [keys[i] for i in left], records[left]
            found = decoded(self.client.get_written(keys), self.kind)
            records = _joined(records, found, join)
            more, left = self.fenced.write_unless_written(keys, records, found)
            late += more
        _refuse(late, batch)

    def _records(self, before: Records, after: Records, batch: Batch) -> Records:
        records = np.zeros(len(before), self.kind)
        records["query"], records["batch"] = batch.query, batch.number
        records["before"], records["after"] = before, after
        return records


def _with_bytes(keys: Sequence[str], records: Records) -> dict[str, bytes]:
    """Return each key with the bytes of its record."""
    size, whole = records.itemsize, records.tobytes()
    return {key: whole[i * size : (i + 1) * size] for i, key in enumerate(keys)}


def _refuse(late: int, batch: Batch) -> None:
    if late:
        log.error("batch_came_late", query=batch.query_id, batch=batch.number, states=late)
        raise CheckpointError(
            f"Batch {batch.number} of query {batch.query_id} came late: a later one has been written, so {late} of its states "
            "were not; another process has gone on with its checkpoint, so stop this one."
        )


def _joined(records: Records, others: Records, join: Join) -> Records:
    """Return records with what both have seen; the states before a batch are the same for all of
    its tasks.
    """
    after = records["after"].copy()
    join(after, others["after"].copy())
    joined = records.copy()
    joined["after"] = after
    return joined
