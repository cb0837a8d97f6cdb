"""A small lake of a test's own, without Spark: bronze, silver.reviews and quarantine as the code
describes them, and the checkpoints of their queries.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyiceberg.catalog.memory import InMemoryCatalog

from pipelines.bronze import events
from pipelines.silver import quarantine, reviews
from pipelines.streaming.offsets import TableOffset, TopicOffsets
from pipelines.table import Table

REVIEWS = "shop.reviews"
TABLES = (events.TABLE, reviews.TABLE, quarantine.TABLE)
TYPES = {
    "string": pa.string(),
    "int": pa.int32(),
    "bigint": pa.int64(),
    "binary": pa.binary(),
    "timestamp": pa.timestamp("us", tz="UTC"),
    "array<struct<key: string, value: binary>>": pa.list_(pa.struct([("key", pa.string()), ("value", pa.binary())])),
}
SHAPES = {table: pa.schema([(column.name, TYPES[column.type]) for column in table.columns]) for table in TABLES}


class SmallLake:
    """Tables with the columns that the operations read, and the checkpoints of their queries."""

    def __init__(self, folder: Path) -> None:
        self.catalogue = InMemoryCatalog("lake", warehouse=f"file://{folder}")
        self.checkpoints = folder / "checkpoints"
        for layer in ("bronze", "silver"):
            self.catalogue.create_namespace(layer)
        self.tables = {table.name: self.catalogue.create_table(table.name, SHAPES[table]) for table in TABLES}

    def append(self, table: Table, *rows: Mapping[str, Any]) -> int:
        """Add rows and return the snapshot."""
        self.tables[table.name].append(pa.Table.from_pylist(list(rows), SHAPES[table]))
        return self.tables[table.name].snapshots()[-1].snapshot_id

    def commit(self, table: Table, offset: TopicOffsets | TableOffset) -> None:
        """Let the table's query have come so far."""
        for name, text in (("offsets", f"v1\n{{}}\n{offset.to_json()}"), ("commits", "v1")):
            file = self.checkpoints / table.name / name / "0"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)

    def archive(self, *rows: Mapping[str, Any]) -> None:
        """Add rows to bronze, which all queries have passed."""
        snapshot = self.append(events.TABLE, *rows)
        ends = {int(row["partition"]): int(row["offset"]) + 1 for row in rows}
        self.commit(reviews.TABLE, TopicOffsets({REVIEWS: ends}))
        self.commit(quarantine.TABLE, TableOffset(snapshot, 1, scan_all_files=False))


def archived(offset: int, value: bytes | None, ago_s: float = 1.0, topic: str = REVIEWS, **changes: Any) -> dict[str, Any]:
    """A row of bronze that arrived so long ago."""
    at = datetime.now(UTC) - timedelta(seconds=ago_s)
    return {"topic": topic, "partition": 0, "offset": offset, "timestamp": at, "value": value, **changes}


def refined(offset: int, event_id: str = "", partition: int = 0, ago_s: float = 1.0) -> dict[str, Any]:
    """A row of silver.reviews, whose event has an id of its own where none is given."""
    at = datetime.now(UTC) - timedelta(seconds=ago_s)
    return {"kafka_partition": partition, "kafka_offset": offset, "kafka_at": at, "event_id": event_id or str(offset)}
