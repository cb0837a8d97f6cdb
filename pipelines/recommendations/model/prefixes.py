"""What a recommender is asked in training and tests: every beginning of a session, and the product
that came next.
"""

from typing import NamedTuple

import numpy as np

from pipelines.base.arrays import Integers
from pipelines.recommendations.model.sessions import Numbered, Sessions


class Prefixes(NamedTuple):
    """Beginnings of sessions (n): the products from clicks[firsts[i]] to before clicks[ends[i]],
    oldest first, after which targets[i] came.
    """

    clicks: Numbered
    firsts: Integers
    ends: Integers
    targets: Numbered

    @property
    def count(self) -> int:  # type: ignore[override]
        """How many there are."""
        return len(self.targets)

    def some(self, places: Integers) -> "Prefixes":
        """Return those at some places."""
        return Prefixes(self.clicks, self.firsts[places], self.ends[places], self.targets[places])


def prefixes_of(sessions: Sessions) -> Prefixes:
    """Return every beginning of every session that went on, oldest first."""
    lengths = np.diff(sessions.offsets)
    session_of = np.repeat(np.arange(sessions.count), np.maximum(lengths - 1, 0))
    before = np.concatenate([np.zeros(1, np.int64), np.cumsum(np.maximum(lengths - 1, 0))])
    ends = sessions.offsets[session_of] + 1 + np.arange(len(session_of)) - before[session_of]
    return Prefixes(sessions.items, sessions.offsets[session_of], ends, sessions.items[ends])
