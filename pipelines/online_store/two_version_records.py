"""States in the online store, so written that a batch can be done again.

A record holds a state before and after the last batch that was applied to it, with that batch's
query and number. A batch that is done again, after a crash or by a retried task, finds its own
number and starts from the state before; every other batch starts from the state after. So dying
anywhere gives the states and scores of never having died.
Where two tasks of one batch may have the same state, and write it at the same moment, the states
are joined: the server refuses to put a record in the place of one of the same batch, and the state
after is joined with what the other task has left.
"""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipelines.base.arrays import Records
from pipelines.base.errors import CheckpointError
from pipelines.online_store.client import Client, Values, chunks, decoded

BATCH_FIELDS = [("query", "u8", (2,)), ("batch", "i8")]
# Writes records of one size, and returns the numbers of those that it has not written: where
# another of the batch with this header lies, and not the one that the record may replace. One look
# and one command for all take as long as not looking.
WRITE_UNLESS_WRITTEN = """
local header, size, records, replaced = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4]
local written, left = {}, {}
for i, found in ipairs(redis.call('MGET', unpack(KEYS))) do
  local first, last = (i - 1) * size + 1, i * size
  if not found or string.sub(found, 1, #header) ~= header or found == string.sub(replaced, first, last) then
    written[#written + 1] = KEYS[i]
    written[#written + 1] = string.sub(records, first, last)
  else
    left[#left + 1] = i - 1
  end
end
if #written > 0 then redis.call('MSET', unpack(written)) end
return left
"""

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

    @property
    def header(self) -> bytes:
        """The bytes with which the batch's records begin."""
        return self.query.tobytes() + np.int64(self.number).tobytes()


def two_versions(state: np.dtype[np.void]) -> np.dtype[np.void]:
    """Return the type of the records of a kind of state."""
    return np.dtype([*BATCH_FIELDS, ("before", state), ("after", state)], align=True)


class TwoVersionRecords:
    """The records of one kind of state in one server."""

    def __init__(self, client: Client, kind: np.dtype[np.void]) -> None:
        self.client, self.kind = client, kind
        self.write_unless_written: Any = client.writer.register_script(WRITE_UNLESS_WRITTEN)

    def starting(self, values: Values, batch: Batch) -> Records:
        """Return the states from which a batch starts, of values that were read.

        Raises CheckpointError where a later batch of the same query was applied already.
        """
        records = decoded(values, self.kind)
        of_query = (records["query"] == batch.query).all(axis=1)
        if (of_query & (records["batch"] > batch.number)).any():
            raise CheckpointError(
                f"The online store has already folded a later batch than {batch.number} of query {batch.query_id}: its "
                "checkpoint was set back further than one batch; empty the online store and score from the beginning."
            )
        again = of_query & (records["batch"] == batch.number)
        return np.where(again, records["before"], records["after"])

    def latest(self, values: Values) -> Records:
        """Return the states after the last batch applied to each, whichever that was."""
        return decoded(values, self.kind)["after"].copy()

    def write(self, keys: Sequence[str], before: Records, after: Records, batch: Batch) -> None:
        """Store the states before and after a batch, one of each per key."""
        self.client.put_records(keys, lambda some: self._records(before[some], after[some], batch))

    def write_joined(self, keys: Sequence[str], before: Records, after: Records, batch: Batch, join: Join) -> None:
        """Store the states before and after a batch, one of each per key, joined with what other
        tasks of this batch have left of them.
        """
        records = self._records(before, after, batch)
        left, found = self._unless_written(keys, records, records[:0], batch), records[:0]
        while left:
            keys, records = [keys[i] for i in left], records[left]
            found = decoded(self.client.get_written(keys), self.kind)
            records = _joined(records, found, join)
            left = self._unless_written(keys, records, found, batch)

    def _records(self, before: Records, after: Records, batch: Batch) -> Records:
        records = np.zeros(len(before), self.kind)
        records["query"], records["batch"] = batch.query, batch.number
        records["before"], records["after"] = before, after
        return records

    def _unless_written(self, keys: Sequence[str], records: Records, found: Records, batch: Batch) -> list[int]:
        """Write records, each in the place of another batch's or of the one found, and return the
        numbers of those left.
        """
        left: list[int] = []
        for some in chunks(len(keys)):
            arguments = [batch.header, records.itemsize, records[some].tobytes(), found[some].tobytes()]
            left += [some.start + i for i in self.write_unless_written(keys=keys[some], args=arguments)]
        return left


def _joined(records: Records, others: Records, join: Join) -> Records:
    """Return records with what both have seen; the states before a batch are the same for all of
    its tasks.
    """
    after = records["after"].copy()
    join(after, others["after"].copy())
    joined = records.copy()
    joined["after"] = after
    return joined
