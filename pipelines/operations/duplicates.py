"""Tells copies of events from events that only share their id: what the balance does with the few
records that it cannot place by their bytes.

The same bytes are the same event; so is the same content written with another version of the
schema. The same id with other content is a conflict: an event of its own, which silver lacks.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyiceberg.catalog import Catalog
from pyiceberg.expressions import And, BooleanExpression, EqualTo, GreaterThanOrEqual, LessThanOrEqual

from pipelines.bronze import events
from pipelines.contracts.contract import Contract
from pipelines.contracts.framing import HEADER_BYTES
from pipelines.contracts.single_records import Decode, decoder
from pipelines.lake.arrow import batches, find
from pipelines.operations.positions import Positions, places
from pipelines.silver.refining import Silver

OWN_MARK = r"#[0-9]+-[0-9]+$"  # behind the id of an event that has got one of its own (silver/corrections.py)


class Place(NamedTuple):
    """Where in its topic a record lies."""

    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.partition}-{self.offset}"


class Row(NamedTuple):
    """A row of silver: the id of its event, and where its record lies."""

    event_id: str
    place: Place


@dataclass(frozen=True)
class Conflict:
    """An event whose id another event in silver has: where its record lies, and the other's.

    `is_first` where no earlier one has the same content.
    """

    place: Place
    held: Place
    event_id: str
    is_first: bool


@dataclass
class Doubles:
    """Of records that silver lacks: the copies of events that it holds, and the conflicts."""

    copies: Positions = field(default_factory=Positions)
    conflicts: list[Conflict] = field(default_factory=list)


def tell_apart(catalogue: Catalog, contract: Callable[[str], Contract], silver: Silver, records: Positions) -> Doubles:
    """Return which of the records of a silver table's topic are copies or conflicts of events that
    it holds; the others are neither.

    contract: gives that of a topic.
    """
    topic = str(silver.TABLE.topic)
    decode = decoder(contract(topic))
    values = dict(sorted(_values(catalogue, topic, records), key=itemgetter(0)))
    events_at = {place: event for place, value in values.items() if (event := decode(value)) is not None}
    rows = _rows_of(catalogue, silver, {str(event["event_id"]) for event in events_at.values()})
    held = dict(_values(catalogue, topic, positions(row.place for each in rows.values() for row in each)))
    copies, conflicts, seen = list[Place](), list[Conflict](), set[str]()
    for place, event in events_at.items():
        event_id, content = str(event["event_id"]), repr(event)
        of_that_id = rows.get(event_id, [])
        if any(_is_copy(values[place], content, held.get(row.place), decode) for row in of_that_id):
            copies.append(place)
        elif others := [row.place for row in of_that_id if row.event_id == event_id]:
            conflicts.append(Conflict(place, others[0], event_id, content not in seen))
            seen.add(content)
    return Doubles(positions(copies), conflicts)


def positions(chosen: Iterable[Place]) -> Positions:
    """Return the set of these places."""
    found, listed = Positions(), list(chosen)
    found.add(*(np.array([place[side] for place in listed], np.int64) for side in range(2)))
    return found


def _is_copy(value: bytes | None, content: str, held: bytes | None, decode: Decode) -> bool:
    """Return whether two records are the same event; what is held is decoded only where their
    schemas differ.
    """
    if value is None or held is None:
        return False
    return value == held or (value[:HEADER_BYTES] != held[:HEADER_BYTES] and repr(decode(held)) == content)


def _rows_of(catalogue: Catalog, silver: Silver, event_ids: set[str]) -> Mapping[str, Sequence[Row]]:
    """Return by id the rows that silver has of these events, also of those that have got an id of
    their own.
    """
    wanted = pa.array(sorted(event_ids), pa.string())
    found: dict[str, list[Row]] = defaultdict(list)
    for batch in batches(find(catalogue, silver.TABLE), ("kafka_partition", "kafka_offset", "event_id")):
        ids = batch.column(2).cast(pa.string())
        given = pc.replace_substring_regex(ids, OWN_MARK, "")
        chosen = pc.or_(pc.is_in(ids, wanted), pc.is_in(given, wanted))
        for partition, offset, event_id in zip(*places(batch.filter(chosen)), ids.filter(chosen).to_pylist(), strict=True):
            place = Place(int(partition), int(offset))
            found[event_id.removesuffix(f"#{place}")].append(Row(event_id, place))
    return found


def _values(catalogue: Catalog, topic: str, records: Positions) -> Iterator[tuple[Place, bytes | None]]:
    """Yield the values that bronze holds of these records of a topic."""
    if not len(records):
        return
    columns = ("partition", "offset", "value")
    for batch in batches(find(catalogue, events.TABLE), columns, where=near(topic, records)):
        partitions, offsets = places(batch)
        chosen = records.has(partitions, offsets)
        found = batch.column(2).filter(pa.array(chosen)).to_pylist()
        for partition, offset, value in zip(partitions[chosen], offsets[chosen], found, strict=True):
            yield Place(int(partition), int(offset)), value


def near(topic: str, records: Positions) -> BooleanExpression:
    """Return the condition on bronze that leaves out most of what is not among the records."""
    spans = records.spans().values()
    first, last = min(span[0] for span in spans), max(span[1] for span in spans)
    after, before = GreaterThanOrEqual(term="offset", value=first), LessThanOrEqual(term="offset", value=last)
    return And(And(EqualTo(term="topic", value=topic), after), before)
