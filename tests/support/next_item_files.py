"""Files of the form of the public next-item sets."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from shopping import strolls

from pipelines.recommendations.model.prefixes import prefixes_of


def write_set(folder: Path, train: list[dict[str, Any]], test: list[dict[str, Any]]) -> tuple[Path, Path]:
    """Write sessions and prefixes and return their files."""
    files = folder / "train_sessions.parquet", folder / "test_prefixes.parquet"
    pq.write_table(pa.Table.from_pylist(train), files[0])
    pq.write_table(pa.Table.from_pylist(test), files[1])
    return files


def write_strolls(folder: Path, train: int, test: int) -> tuple[Path, Path]:
    """Write strolls from product to product (shopping.strolls) as a set."""
    sessions = strolls(train + test, products=300)
    clicks = [sessions.items[first:end].tolist() for first, end in zip(sessions.offsets, sessions.offsets[1:], strict=False)]
    prefixes = prefixes_of(sessions.between(train, train + test))
    questions = zip(prefixes.firsts, prefixes.ends, prefixes.targets, strict=True)
    return write_set(
        folder,
        [{"session": number, "items": items} for number, items in enumerate(clicks[:train])],
        [{"prefix": prefixes.clicks[first:end].tolist(), "target": int(target)} for first, end, target in questions],
    )
