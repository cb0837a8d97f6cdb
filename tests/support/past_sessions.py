"""Rows of gold.sessions for tests: single ones, and a shop's past in which visitors go from a
product to its neighbours.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyiceberg.catalog.memory import InMemoryCatalog

from pipelines.gold.sessions import TABLE
from pipelines.recommendations import building
from pipelines.recommendations.building import Past

BEGIN = datetime(2026, 11, 1, 12, tzinfo=UTC)
KINDS = {
    "session_id": pa.string(),
    "started_at": pa.timestamp("us", "UTC"),
    "ended_at": pa.timestamp("us", "UTC"),
    "clicks": pa.int64(),
    "products": pa.list_(pa.string()),
    "actions": pa.list_(pa.string()),
    "at": pa.list_(pa.timestamp("us", "UTC")),
}
SHAPE = pa.schema(list(KINDS.items()))

Row = dict[str, Any]


def a_session(
    number: int, products: Sequence[str], seconds: Sequence[float], actions: Sequence[str] = (), **changes: Any
) -> Row:
    """Return a row whose clicks are so many seconds after BEGIN; views, where nothing else is
    said.
    """
    at = [BEGIN + timedelta(seconds=each) for each in seconds]
    row: Row = {
        "session_id": f"session-{number}",
        "started_at": at[0] if at else BEGIN,
        "ended_at": at[-1] if at else BEGIN,
        "clicks": len(products),
        "products": list(products),
        "actions": list(actions) or ["view"] * len(products),
        "at": at,
    }
    return {**row, **changes}


def rows_of(sessions: Iterable[Row]) -> pa.Table:
    """Return rows as gold.sessions has them, as far as an index is built from them."""
    return pa.Table.from_pylist(list(sessions), SHAPE)


def a_past(sessions: int, seed: int = 7, products: int = 60, first: int = 0, wander: float = 0.1) -> list[Row]:
    """Return sessions that end one after the other, whose visitors mostly look at the products one
    after the other, and else (`wander`) at any.
    """
    random = np.random.default_rng(seed)
    past = []
    for number in range(first, first + sessions):
        length, product = int(random.integers(2, 7)), int(random.integers(products))
        looked = []
        for _ in range(length):
            looked.append(f"product-{product:02}")
            product = int(random.integers(products)) if random.random() < wander else (product + 1) % products
        past.append(a_session(number, looked, [number * 60 + 5 * click for click in range(length)]))
    return past


class SessionsLake:
    """A catalogue of a test's own, without Spark, with gold.sessions."""

    def __init__(self, folder: Path) -> None:
        self.catalogue = InMemoryCatalog("lake", warehouse=f"file://{folder}")
        self.catalogue.create_namespace("gold")

    def holds(self, rows: Iterable[Row]) -> Past:
        """Make the table anew with these rows, and return it."""
        if self.catalogue.table_exists(TABLE.name):
            self.catalogue.drop_table(TABLE.name)
        self.catalogue.create_table(TABLE.name, SHAPE)
        return self.gets(rows)

    def gets(self, rows: Iterable[Row]) -> Past:
        """Add rows, and return the table."""
        self.catalogue.load_table(TABLE.name).append(rows_of(rows))
        return building.past(self.catalogue)
