"""Public sessions of shoppers, as the recommender is built of them."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from benchmarks.receipt import ReceiptError
from pipelines.base.arrays import SECOND_US
from pipelines.base.paths import ROOT
from pipelines.recommendations.features.session import VIEW
from pipelines.recommendations.model.sessions import Sessions

DATA = Path(os.environ.get("TIDEMARK_DATA", ROOT.parent / "shared" / "data")) / "sessions"
BEGAN_US = 1_400_000_000 * SECOND_US  # the sets hold orders of clicks, not times: a second each


def sessions_of(name: str) -> Sessions:
    """Return the training sessions of a public set (`diginetica`, `yoochoose64`), in order of time.

    Raises ReceiptError where the set is not there.
    """
    items = pq.read_table(_file(name, "train_sessions.parquet"), columns=["items"])["items"].combine_chunks()
    offsets = items.offsets.to_numpy().astype(np.int64)
    numbers, places = np.unique(items.values.to_numpy(), return_inverse=True)
    at_us = BEGAN_US + np.arange(offsets[-1]) * SECOND_US
    actions = np.full(offsets[-1], VIEW, np.uint8)
    return Sessions([str(number) for number in numbers], offsets, places.astype(np.int32), at_us, actions)


def beginnings_of(name: str) -> Iterator[list[str]]:
    """Yield beginnings of the test sessions of a public set: products, oldest first."""
    for batch in pq.ParquetFile(_file(name, "test_prefixes.parquet")).iter_batches(columns=["prefix"]):
        for prefix in batch["prefix"].to_pylist():
            yield [str(number) for number in prefix]


def _file(name: str, part: str) -> Path:
    file = DATA / name / part
    if not file.is_file():
        raise ReceiptError(f"There is no {file}: set TIDEMARK_DATA to the folder of the public data sets.")
    return file
