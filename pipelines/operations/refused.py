"""What silver has refused and still lacks, by topic and reason: how many, since when, and the
newest of it. Without Spark.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import and_
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyiceberg.catalog import Catalog
from pyiceberg.expressions import AlwaysTrue, BooleanExpression, EqualTo
from pyiceberg.table import Table as IcebergTable

from pipelines.bronze import events
from pipelines.lake.arrow import batches, find
from pipelines.operations.duplicates import Conflict, Place, near, positions
from pipelines.operations.positions import Positions, copies, held, places
from pipelines.silver import quarantine
from pipelines.silver.refining import Silver

ID_CONFLICT = "id_conflict"
PLACE = ("partition", "offset")
LINEAGE = ("kafka_partition", "kafka_offset")
COLUMNS = ("topic", "reason", *PLACE, "timestamp")

Decodes = Callable[[str, bytes | None], Mapping[str, Any] | None]  # a topic's record, where it can be decoded


@dataclass(frozen=True)
class Example:
    """A record: where it lies, when it arrived (UTC), its key, and its event where it can be
    decoded, times as microseconds since 1970.

    held: where the other record lies that has the same id, of a conflict.
    """

    partition: int
    offset: int
    arrived_at: datetime
    key: bytes | None
    event: Mapping[str, Any] | None
    held: str | None = None


@dataclass(frozen=True)
class Refused:
    """The records of a topic that were refused for one reason: how many, when the first and the
    last of them arrived (UTC), and the newest.
    """

    topic: str
    reason: str
    records: int
    since: datetime
    newest: datetime
    examples: Sequence[Example]


def refused(
    catalogue: Catalog, tables: Sequence[Silver], decodes: Decodes, topic: str | None, reason: str | None, examples: int
) -> list[Refused]:
    """Return what quarantine holds and silver does not, by topic and reason, the most first: of all
    topics and reasons, or of those.
    """
    found = find(catalogue, quarantine.TABLE)
    rows = _rows(found, _condition(topic=topic, reason=reason))
    lacking = pa.concat_tables([_absent(catalogue, silver, found, rows) for silver in tables])
    return _grouped(lacking, lambda chosen, records: _looked_at(found, chosen, records, decodes), examples)


def conflicting(
    catalogue: Catalog, conflicts: Mapping[str, Sequence[Conflict]], decodes: Decodes, examples: int
) -> list[Refused]:
    """Return the events that silver lacks because another event has their id, by topic, the most
    first.
    """
    bronze = find(catalogue, events.TABLE)
    parts = [_rows_at(bronze, topic, positions(each.place for each in found)) for topic, found in conflicts.items() if found]
    held_at = {(topic, each.place): str(each.held) for topic, found in conflicts.items() for each in found}

    def look(chosen: str, records: Positions) -> list[Example]:
        shown = _looked_at(bronze, chosen, records, decodes)
        return [
            Example(e.partition, e.offset, e.arrived_at, e.key, e.event, held_at.get((chosen, Place(e.partition, e.offset))))
            for e in shown
        ]

    return _grouped(pa.concat_tables(parts), look, examples) if parts else []


def _condition(**wanted: str | None) -> BooleanExpression:
    given: Iterable[BooleanExpression] = (EqualTo(term=name, value=value) for name, value in wanted.items() if value)
    return reduce(and_, given, AlwaysTrue())


def _rows(found: IcebergTable | None, where: BooleanExpression) -> pa.Table:
    """Return each refused record once, however often quarantine holds it."""
    types = {"partition": pa.int32(), "offset": pa.int64(), "timestamp": pa.timestamp("us", "UTC")}
    schema = pa.schema([(name, types.get(name, pa.string())) for name in COLUMNS])
    read = [batch.cast(schema) for batch in batches(found, COLUMNS, where=where)]
    every = pa.Table.from_batches(read, schema)
    once = every.group_by(["topic", *PLACE]).aggregate([("reason", "min"), ("timestamp", "min")])
    return once.rename_columns({"reason_min": "reason", "timestamp_min": "timestamp"}).select(COLUMNS)


def _absent(catalogue: Catalog, silver: Silver, found: IcebergTable | None, rows: pa.Table) -> pa.Table:
    """Return of refused records those of a silver table's topic that it does not hold, nor copies
    of those that it does.
    """
    name = str(silver.TABLE.topic)
    of_topic = rows.filter(pc.equal(rows["topic"], name))
    if not len(of_topic):
        return of_topic
    in_silver = held(batches(find(catalogue, silver.TABLE), LINEAGE)).positions
    places_of = [of_topic[column].to_numpy().astype(np.int64) for column in PLACE]
    returned = in_silver.has(*places_of)
    if returned.any():
        loose = Positions()
        loose.add(*(column[~returned] for column in places_of))
        values = batches(found, (*PLACE, "value"), where=_condition(topic=name))
        returned |= copies(values, in_silver, loose).has(*places_of)
    return of_topic.filter(pa.array(~returned))


def _rows_at(bronze: IcebergTable | None, topic: str, records: Positions) -> pa.Table:
    """Return these records of bronze, as rows of quarantine that name a conflict."""
    read = []
    for batch in batches(bronze, (*PLACE, "timestamp"), where=near(topic, records)):
        chosen = batch.filter(pa.array(records.has(*places(batch))))
        words = [pa.array([word] * len(chosen), pa.string()) for word in (topic, ID_CONFLICT)]
        read.append(pa.table([*words, *chosen.columns], names=list(COLUMNS)))
    return pa.concat_tables(read)


def _grouped(rows: pa.Table, look: Callable[[str, Positions], list[Example]], examples: int) -> list[Refused]:
    groups = rows.group_by(["topic", "reason"]).aggregate([("offset", "count"), ("timestamp", "min"), ("timestamp", "max")])
    found = []
    for group in groups.sort_by([("topic", "ascending"), ("offset_count", "descending")]).to_pylist():
        is_of = pc.and_(pc.equal(rows["topic"], group["topic"]), pc.equal(rows["reason"], group["reason"]))
        newest = rows.filter(is_of).sort_by([("timestamp", "descending"), ("offset", "descending")]).slice(0, examples)
        shown = positions(Place(int(row["partition"]), int(row["offset"])) for row in newest.to_pylist())
        first, last = group["timestamp_min"], group["timestamp_max"]
        records = look(group["topic"], shown) if len(shown) else []
        found.append(Refused(group["topic"], group["reason"], group["offset_count"], first, last, records))
    return found


def _looked_at(table: IcebergTable | None, topic: str, records: Positions, decodes: Decodes) -> list[Example]:
    """Return these records of bronze or quarantine, the newest first, each once."""
    found: dict[Place, Example] = {}
    for batch in batches(table, (*PLACE, "timestamp", "key", "value"), where=near(topic, records)):
        for row in batch.filter(pa.array(records.has(*places(batch)))).to_pylist():
            partition, offset, arrived_at, key, value = row.values()
            found[Place(partition, offset)] = Example(partition, offset, arrived_at, key, decodes(topic, value))
    return sorted(found.values(), key=lambda example: (example.arrived_at, example.offset), reverse=True)
