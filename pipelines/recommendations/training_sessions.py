"""The sessions that a recommender is built from: rows of gold.sessions as flat arrays, in one order
that their content alone decides, so that however they were gathered the same sessions are the same
arrays.
"""

from collections.abc import Iterable, Sequence
from itertools import chain

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.base.arrays import Integers
from pipelines.base.ids import NOBODY, numbered
from pipelines.base.placeholders import NoId
from pipelines.models import arrays
from pipelines.models.arrays import Arrays
from pipelines.recommendations.features.click_records import action_codes
from pipelines.recommendations.features.session import product_hashes
from pipelines.recommendations.model.sessions import Sessions

COLUMNS = ("session_id", "products", "actions", "at")
# A person looks at fewer products in a visit: what clicks more often is a bot, from whom nothing is
# learned. gold.sessions holds no more of a session.
MOST_CLICKS = 200
NONE = Sessions([], np.zeros(1, np.int64), np.zeros(0, np.int32), np.zeros(0, np.int64), np.zeros(0, np.uint8))


def gathered(rows: Iterable[pa.RecordBatch], most: int, no_id: NoId, before: Sessions = NONE) -> Sessions:
    """Return the newest `most` sessions of those `before` and of rows of gold.sessions (COLUMNS),
    and all that end with the oldest of them.
    """
    parts, waiting = [before], 0
    for batch in rows:
        parts.append(_of_rows(batch, no_id))
        waiting += parts[-1].count
        if waiting > most:  # a long past never is in memory as a whole
            parts, waiting = [newest(merged(parts), most)], 0
    return newest(merged(parts), most)


def _of_rows(rows: pa.RecordBatch, no_id: NoId) -> Sessions:
    """Return the sessions of some rows, without those of nobody and products that are none."""
    rows = rows.filter(pa.array(numbered(pa.chunked_array([rows["session_id"]]), no_id).number != NOBODY))
    lengths = pc.list_value_length(rows["products"]).to_numpy(zero_copy_only=False)
    products, actions, at = (rows[name].flatten() for name in ("products", "actions", "at"))
    names = numbered(pa.chunked_array([products]), no_id)
    real = names.number != NOBODY
    session = np.repeat(np.arange(len(rows)), lengths)[real]
    at_us = pc.cast(pc.cast(at, pa.timestamp("us", "UTC")), pa.int64()).to_numpy()
    offsets = np.append(0, np.bincount(session, minlength=len(rows)).cumsum())
    items = names.number[real].astype(np.int32)
    return Sessions(names.ids, offsets, items, at_us[real], action_codes(actions)[real].astype(np.uint8))


def merged(parts: Sequence[Sessions]) -> Sessions:
    """Return the sessions of all parts in order of their ends; those that end together in that of
    their beginnings, then of their content. Sessions without a click are left out.
    """
    names = sorted(set(chain.from_iterable(part.products for part in parts)))
    place = {name: number for number, name in enumerate(names)}
    items = [np.array([place[name] for name in part.products], np.int32)[part.items] for part in parts]
    lengths = np.concatenate([np.diff(part.offsets) for part in parts])
    offsets = np.append(0, lengths[lengths > 0].cumsum())
    at_us, actions = (np.concatenate([part[field] for part in parts]) for field in (3, 4))
    found = Sessions(names, offsets, np.concatenate(items), at_us, actions)
    return _used(taken(found, np.lexsort((_content(found), beginnings(found), ends(found)))))


def taken(sessions: Sessions, chosen: Integers) -> Sessions:
    """Return the chosen sessions, by their places, in that order, with the whole vocabulary."""
    lengths = np.diff(sessions.offsets)[chosen]
    offsets = np.append(0, lengths.cumsum())
    clicks = np.arange(offsets[-1]) + np.repeat(sessions.offsets[chosen] - offsets[:-1], lengths)
    return Sessions(sessions.products, offsets, sessions.items[clicks], sessions.at_us[clicks], sessions.actions[clicks])


def beginnings(sessions: Sessions) -> Integers:
    """Return when each session began (us)."""
    return sessions.at_us[sessions.offsets[:-1]]


def ends(sessions: Sessions) -> Integers:
    """Return when each session ended (us): at its last click."""
    return sessions.at_us[sessions.offsets[1:] - 1]


def newest(sessions: Sessions, most: int) -> Sessions:
    """Return the newest `most` of sessions that are in order, and all that end with the oldest of
    them.
    """
    if sessions.count <= most:
        return sessions
    first = np.searchsorted(ends(sessions), ends(sessions)[-most])
    return _used(sessions.between(int(first), sessions.count))


def parted(sessions: Sessions, held_out: int) -> tuple[Sessions, Sessions]:
    """Return sessions that are in order without the newest `held_out` of them, and these; those
    that end in the same moment stay together, with the older ones.
    """
    if held_out <= 0 or sessions.count <= held_out:
        return sessions, NONE
    cut = int(np.searchsorted(ends(sessions), ends(sessions)[-held_out - 1], side="right"))
    return _used(sessions.between(0, cut)), _used(sessions.between(cut, sessions.count))


def after(sessions: Sessions, moment_us: int) -> Sessions:
    """Return those of sessions in order that ended after a moment (us)."""
    first = int(np.searchsorted(ends(sessions), moment_us, side="right"))
    return _used(sessions.between(first, sessions.count))


def packed(sessions: Sessions) -> bytes:
    """Return sessions as a file, `.npz` of plain arrays."""
    moments = np.diff(sessions.at_us, prepend=0)  # small numbers, which pack well
    fields: Arrays = {"products": np.array(sessions.products, np.str_), "moments": moments}
    fields |= {"offsets": sessions.offsets, "items": sessions.items, "actions": sessions.actions}
    return arrays.packed(fields)


def unpacked(content: bytes, model: str) -> Sessions:
    """Return what `packed` made a file of; raises ModelError for any other."""
    found = arrays.unpacked(content, model)
    arrays.require(found, ("products", "offsets", "items", "moments", "actions"), model)
    products: list[str] = found["products"].tolist()
    return Sessions(products, found["offsets"], found["items"], found["moments"].cumsum(), found["actions"])


def _used(sessions: Sessions) -> Sessions:
    """Return sessions with a vocabulary of no more than their products, in the same order."""
    used = np.zeros(len(sessions.products), np.bool_)
    used[sessions.items] = True
    number = (np.cumsum(used) - 1).astype(np.int32)
    names = [name for name, is_used in zip(sessions.products, used, strict=True) if is_used]
    return sessions._replace(products=names, items=number[sessions.items])


def _content(sessions: Sessions) -> npt.NDArray[np.uint64]:
    """Return a number that is the same for sessions of the same content, and else hardly ever."""
    if not sessions.count:
        return np.zeros(0, np.uint64)
    place = (np.arange(len(sessions.items)) - np.repeat(sessions.offsets[:-1], np.diff(sessions.offsets))).astype(np.uint64)
    clicks = product_hashes(sessions.products)[sessions.items] + sessions.actions + sessions.at_us.astype(np.uint64)
    return np.add.reduceat(clicks * (2 * place + np.uint64(1)), sessions.offsets[:-1])
