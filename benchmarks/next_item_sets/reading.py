"""Sets of the published form: training sessions, and prefixes of test sessions with the item that
came next.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.base.arrays import SECOND_US
from pipelines.base.errors import TidemarkError
from pipelines.recommendations.features.session import VIEW
from pipelines.recommendations.model.prefixes import Prefixes
from pipelines.recommendations.model.sessions import Sessions


class SetError(TidemarkError):
    """A file is not a set of the form that is measured."""


class Set(NamedTuple):
    """Training sessions, and test prefixes in their vocabulary: unseen items of a prefix are left
    out, and an unseen target is -1, which nothing hits.
    """

    train: Sessions
    test: Prefixes


def read(train: Path, test: Path) -> Set:
    """Return a set: `train` has the columns session (grows with time) and items (list, oldest
    first), `test` has prefix (list) and target. Raises SetError where a file has not.
    """
    sessions, prefixes = _table(train, ("session", "items")), _table(test, ("prefix", "target"))
    sessions = sessions.take(pc.sort_indices(sessions, sort_keys=[("session", "ascending")]))
    encoded = pc.list_flatten(sessions["items"]).combine_chunks().dictionary_encode()
    lengths = pc.list_value_length(sessions["items"]).to_numpy()
    return Set(_sessions(encoded, lengths), _prefixes(prefixes, encoded.dictionary))


def _table(file: Path, columns: tuple[str, str]) -> pa.Table:
    try:
        table = pq.read_table(file, columns=list(columns))
    except (OSError, pa.ArrowInvalid, KeyError) as error:
        raise SetError(f"{file} cannot be read as Parquet with the columns {' and '.join(columns)}: {error}") from error
    if missing := set(columns) - set(table.column_names):
        raise SetError(f"{file} has no column {', '.join(sorted(missing))}: it has {', '.join(pq.read_schema(file).names)}.")
    return table


def _sessions(encoded: pa.DictionaryArray, lengths: np.ndarray) -> Sessions:
    """Return sessions that are an hour apart: the sets know their order only."""
    items = encoded.indices.to_numpy().astype(np.int32)
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths, dtype=np.int64)])
    at_us = np.repeat(np.arange(len(lengths)), lengths) * 3600 * SECOND_US
    return Sessions(
        [str(item) for item in encoded.dictionary.to_pylist()], offsets, items, at_us, np.full(len(items), VIEW, np.uint8)
    )


def _prefixes(table: pa.Table, vocabulary: pa.Array) -> Prefixes:
    clicks = _numbers(pc.list_flatten(table["prefix"]), vocabulary)
    ends = np.cumsum(pc.list_value_length(table["prefix"]).to_numpy(), dtype=np.int64)
    known = np.concatenate([np.zeros(1, np.int64), np.cumsum(clicks >= 0)])  # before each place
    ends = known[ends]
    firsts = np.concatenate([np.zeros(1, np.int64), ends[:-1]])
    return Prefixes(clicks[clicks >= 0], firsts, ends, _numbers(table["target"], vocabulary))


def _numbers(items: pa.ChunkedArray, vocabulary: pa.Array) -> np.ndarray:
    found = pc.index_in(items, vocabulary).fill_null(-1)
    return np.asarray(found.to_numpy(), np.int32)
