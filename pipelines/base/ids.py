"""Ids as numbers: a hash of each text, and the distinct ids of an Arrow column numbered."""

from itertools import compress
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from pipelines.base.arrays import Integers
from pipelines.base.placeholders import NoId

NOBODY = -1


class Numbered(NamedTuple):
    """The distinct ids of a column, and for each row (n) which of them it has, NOBODY for none, and
    its hash.
    """

    ids: list[str]
    number: Integers
    hashes: npt.NDArray[np.uint64]


def hashed(texts: npt.NDArray[np.object_]) -> npt.NDArray[np.uint64]:
    """Return a 64-bit hash of each text, the same in every process and never 0, which means no id,
    or nothing remembered.
    """
    hashes = pd.util.hash_array(texts, categorize=False)
    return np.maximum(hashes, np.uint64(1))


def numbered(column: pa.ChunkedArray, no_id: NoId) -> Numbered:
    """Return what `no_id` leaves of a column, looking at each distinct text once."""
    encoded = column.combine_chunks().dictionary_encode()
    texts: list[str] = encoded.dictionary.to_pylist()
    number: Integers = encoded.indices.to_numpy().astype(np.int64)
    if not all(real := [not no_id(text) for text in texts]):
        texts = list(compress(texts, real))
        number = np.where(real, np.cumsum(real) - 1, NOBODY)[number]
    # The last one is that of nobody.
    hashes = np.append(hashed(np.array(texts, object)), np.uint64(0))[number]
    return Numbered(texts, number, hashes)
