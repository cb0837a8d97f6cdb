"""States in memory, by id, for folding a long past slice by slice."""

from collections.abc import Sequence

import numpy as np

from pipelines.base.arrays import Integers, Records


class StatesById:
    """The states of one kind that have come so far, numbered as their ids came; all zeros, as every
    state begins, until they are changed.
    """

    def __init__(self, kind: np.dtype[np.void]) -> None:
        self.number_of: dict[str, int] = {}
        self._room = np.zeros(0, kind)

    @property
    def ids(self) -> list[str]:
        """The ids, in the order of their states."""
        return list(self.number_of)

    @property
    def states(self) -> Records:
        """The states themselves, to be changed in place until the next id comes."""
        return self._room[: len(self.number_of)]

    def numbers(self, ids: Sequence[str]) -> Integers:
        """Return the number of each id, with a new state for each that is new."""
        found = [self.number_of.setdefault(each, len(self.number_of)) for each in ids]
        if (missing := len(self.number_of) - len(self._room)) > 0:
            more = np.zeros(max(missing, len(self._room)), self._room.dtype)
            self._room = np.concatenate([self._room, more])
        return np.array(found, np.int64)
