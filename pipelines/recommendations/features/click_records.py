"""Turns clicks as Arrow columns (silver.clicks' names and types) into what the fold takes: records
(CLICK), numbered by their sessions.

What stands for no id (`no_id` says so) is nobody's: a session without an id has the number NOBODY,
a product without one the hash 0.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.base.arrays import Integers, Records
from pipelines.base.ids import hashed, numbered
from pipelines.base.placeholders import NoId
from pipelines.recommendations.features.session import ACTIONS, CLICK, VIEW

COLUMNS = ("event_id", "event_at", "session_id", "product_id", "action")


class Clicks(NamedTuple):
    """Clicks in order of arrival (n, CLICK), the ids of their sessions, each once, and for each
    click the number of its session among them (n), NOBODY where it has none.
    """

    records: Records
    session_ids: Sequence[str]
    session: Integers


def keyed(clicks: pa.Table, no_id: NoId) -> Clicks:
    """Return the clicks as the fold takes them, and whose states they need. The table has
    COLUMNS.
    """
    sessions = numbered(clicks["session_id"], no_id)
    records = np.zeros(len(clicks), CLICK)
    records["at_us"] = pc.cast(pc.cast(clicks["event_at"], pa.timestamp("us", "UTC")), pa.int64()).to_numpy()
    records["event"] = hashed(clicks["event_id"].to_numpy())
    records["product"] = numbered(clicks["product_id"], no_id).hashes
    records["action"] = action_codes(clicks["action"])
    return Clicks(records, sessions.ids, sessions.number)


def action_codes(actions: pa.Array | pa.ChunkedArray) -> Integers:
    """Return the code of each action's word; every word that is none of ACTIONS is a view."""
    found = pc.index_in(actions, pa.array(list(ACTIONS)))
    codes: Integers = np.array([*ACTIONS.values(), VIEW])[pc.fill_null(found, len(ACTIONS)).to_numpy()]
    return codes
