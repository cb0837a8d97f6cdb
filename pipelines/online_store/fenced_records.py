"""Records that nobody who comes late can set back, each compared with what lies there: where a
newer one does, the server writes none.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from pipelines.base.arrays import Records
from pipelines.online_store.client import Client, chunks

# Writes records of one size, and returns how many it has not written because a newer one lies
# there, and the numbers of those because another of the same number does, which is not the one that
# the record may replace (only where records `join`). Records can be compared whose first `same`
# bytes are equal; which is newer says the number of eight bytes at `at`.
WRITE_UNLESS_NEWER = """
local size, same, at = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]) + 1
local records, joins, replaced = ARGV[4], ARGV[5] == '1', ARGV[6]
local written, left, late = {}, {}, 0
for i, found in ipairs(redis.call('MGET', unpack(KEYS))) do
  local first, last = (i - 1) * size + 1, i * size
  local ahead = nil
  if found and #found == size and string.sub(found, 1, same) == string.sub(records, first, first + same - 1) then
    ahead = struct.unpack('<i8', found, at) - struct.unpack('<i8', records, first + at - 1)
  end
  if ahead and ahead > 0 then
    late = late + 1
  elseif joins and ahead == 0 and found ~= string.sub(replaced, first, last) then
    left[#left + 1] = i - 1
  else
    written[#written + 1] = KEYS[i]
    written[#written + 1] = string.sub(records, first, last)
  end
end
if #written > 0 then redis.call('MSET', unpack(written)) end
return {late, left}
"""


class Outcome(NamedTuple):
    """How many records came late, and the numbers of those left: to be joined with what lies
    there.
    """

    late: int
    left: list[int]


class FencedRecords:
    """The records of one kind in one server: those that agree in their first `same` bytes follow
    each other in the order of their field `order`, a whole number.
    """

    def __init__(self, client: Client, kind: np.dtype[np.void], same: int, order: str) -> None:
        at = {name: offset for name, (_, offset, *_) in (kind.fields or {}).items()}
        self.client, self.comparing = client, [kind.itemsize, same, at[order]]
        self.write_unless_newer: Any = client.writer.register_script(WRITE_UNLESS_NEWER)

    def write(self, keys: Sequence[str], records: Records) -> int:
        """Write one record per key, none in the place of a newer one, and return how many were
        late.
        """
        return sum(self._written(keys[some], records[some]).late for some in chunks(len(keys)))

    def write_unless_written(self, keys: Sequence[str], records: Records, found: Records) -> Outcome:
        """Write records, each in the place of an older one or of the one `found`."""
        late, left = 0, []
        for some in chunks(len(keys)):
            written = self._written(keys[some], records[some], found[some], joins=True)
            late += written.late
            left += [some.start + i for i in written.left]
        return Outcome(late, left)

    def _written(self, keys: Sequence[str], records: Records, found: Records | None = None, *, joins: bool = False) -> Outcome:
        replaced = b"" if found is None else found.tobytes()
        arguments = [*self.comparing, records.tobytes(), int(joins), replaced]
        return Outcome(*self.client.writing(lambda: self.write_unless_newer(keys=keys, args=arguments)))
