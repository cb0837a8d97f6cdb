"""The sessions of a simulated shop as gold.sessions has them, made without services, and a table
of them.
"""

from collections import defaultdict
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyiceberg.catalog.memory import InMemoryCatalog

from pipelines.base.arrays import DAY_US, HOUR_US
from pipelines.gold.sessions import TABLE as SESSIONS
from simulator.shop import Shop

MOMENT = pa.timestamp("us", "UTC")
SHAPE = pa.schema(
    [
        ("session_id", pa.string()),
        ("ended_at", MOMENT),
        ("clicks", pa.int64()),
        ("products", pa.list_(pa.string())),
        ("actions", pa.list_(pa.string())),
        ("at", pa.list_(MOMENT)),
    ]
)
START_US, RATE = 1_760_000_000_000_000, 200.0
LONGEST_US = HOUR_US  # of a session


Click = tuple[str, str, int]  # product, action, moment (us)


def simulated(sessions: int, seed: int = 7) -> pa.Table:
    """Return the first so many sessions of a shop (SHAPE), whole, in order of their ends."""
    clicks: dict[str, list[Click]] = defaultdict(list)
    last_began_us = 0
    for event in Shop(seed, START_US, RATE, steady=True).events():
        if last_began_us and event.at > last_began_us + LONGEST_US:
            break
        if event.topic == "shop.clicks" and (event.key in clicks or len(clicks) < sessions):
            record = event.record
            clicks[event.key].append((record["product_id"], record["action"], record["event_at"]))
            if len(clicks) == sessions and not last_began_us:
                last_began_us = event.at
    return pa.Table.from_pylist([_row(*session) for session in clicks.items()], SHAPE).sort_by("ended_at")


def _row(session_id: str, clicks: list[Click]) -> dict[str, Any]:
    products, actions, at = zip(*clicks, strict=True)
    lists = {"products": products, "actions": actions, "at": at}
    return {"session_id": session_id, "ended_at": at[-1], "clicks": len(at), **lists}


def copies(sessions: pa.Table) -> Iterator[pa.Table]:
    """Yield the sessions again and again, without end, each time some days later and by other
    visitors.
    """
    ended_us = pc.cast(sessions["ended_at"], pa.int64()).to_numpy()
    days = int(np.ptp(ended_us)) // DAY_US + 1
    at = sessions["at"].combine_chunks()
    for copy in count():
        later = pa.scalar(copy * days * DAY_US, pa.duration("us"))
        moments = pa.ListArray.from_arrays(at.offsets, pc.add(at.values, later))
        ids = pc.binary_join_element_wise(sessions["session_id"], str(copy), "/")
        changed = {"session_id": ids, "ended_at": pc.add(sessions["ended_at"], later), "at": moments}
        yield pa.table({name: changed.get(name, sessions[name]) for name in SHAPE.names}, SHAPE)


def a_lake(folder: Path) -> InMemoryCatalog:
    """Return a catalogue with an empty table of sessions, in a folder."""
    catalogue = InMemoryCatalog("lake", warehouse=f"file://{folder}")
    catalogue.create_namespace("gold")
    catalogue.create_table(SESSIONS.name, SHAPE)
    return catalogue
