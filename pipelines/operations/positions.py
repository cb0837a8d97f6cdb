"""Sets of places in a topic, a byte for each: what tables hold of a topic is compared in memory, a
million records in milliseconds.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.base.arrays import Integers
from pipelines.base.window import OUR_TIMES

STEP = 1 << 20  # more than partitions: what is added to their numbers for each further incarnation
PAGE = 65_536  # offsets whose marks lie together
Marks = npt.NDArray[np.bool_]  # PAGE of them: whether the record of that offset is in the set
NONE: Marks = np.zeros(PAGE, bool)


@dataclass
class Positions:
    """Records of one topic: (partition, offset // PAGE) → the marks of those offsets."""

    pages: dict[tuple[int, int], Marks] = field(default_factory=dict)

    def add(self, partitions: Integers, offsets: Integers) -> None:
        """Take in records by their partitions and offsets, one of each for every record."""
        for at, chosen in _pages(partitions, offsets):
            if at not in self.pages:
                self.pages[at] = NONE.copy()
            self.pages[at][offsets[chosen] % PAGE] = True

    def has(self, partitions: Integers, offsets: Integers) -> Marks:
        """Return for each place whether its record is in the set."""
        found = np.zeros(len(offsets), bool)
        for at, chosen in _pages(partitions, offsets):
            found[chosen] = self.pages.get(at, NONE)[offsets[chosen] % PAGE]
        return found

    def __and__(self, others: "Positions") -> "Positions":
        """Return the records that both have."""
        return Positions({at: marks & others.pages.get(at, NONE) for at, marks in self.pages.items()})

    def __sub__(self, others: "Positions") -> "Positions":
        """Return the records that the others do not have."""
        return Positions({at: marks & ~others.pages.get(at, NONE) for at, marks in self.pages.items()})

    def __or__(self, others: "Positions") -> "Positions":
        """Return the records that one or both have."""
        every = self.pages.keys() | others.pages.keys()
        return Positions({at: self.pages.get(at, NONE) | others.pages.get(at, NONE) for at in every})

    def __len__(self) -> int:
        """Count the records."""
        return sum(int(marks.sum()) for marks in self.pages.values())

    def offsets(self) -> Iterator[tuple[int, Integers]]:
        """Return the offsets, in order, by partition; a partition comes more than once."""
        for (partition, page), marks in sorted(self.pages.items(), key=lambda each: each[0]):
            yield partition, page * PAGE + np.flatnonzero(marks)

    def columns(self) -> tuple[Integers, Integers]:
        """Return the partition and the offset of every record."""
        found = [(np.full(len(offsets), partition), offsets) for partition, offsets in self.offsets()]
        if not found:
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        partitions, offsets = zip(*found, strict=True)
        return np.concatenate(partitions), np.concatenate(offsets)

    def before(self, until: Mapping[int, int]) -> "Positions":
        """Return the records before an offset of their partition (partition → offset, else 0)."""
        offsets = np.arange(PAGE)
        return Positions(
            {(of, page): marks & (page * PAGE + offsets < until.get(of, 0)) for (of, page), marks in self.pages.items()}
        )

    def incarnation(self, number: int) -> "Positions":
        """Return the records of one incarnation of the topic, by its own partitions."""
        return Positions(
            {(of - number * STEP, page): marks for (of, page), marks in self.pages.items() if of // STEP == number}
        )

    def as_incarnation(self, number: int) -> "Positions":
        """Return the records, all of one incarnation, told apart from those of the others."""
        return Positions({(of + number * STEP, page): marks for (of, page), marks in self.pages.items()})

    def gaps(self) -> "Positions":
        """Return the offsets between a partition's first and last record that are not there."""
        between = Positions()
        for partition, (first, last) in self.spans().items():
            for page in range(first // PAGE, last // PAGE + 1):
                offsets = page * PAGE + np.arange(PAGE)
                between.pages[partition, page] = (first <= offsets) & (offsets <= last)
        missing = between - self
        return Positions({at: marks for at, marks in missing.pages.items() if marks.any()})

    def spans(self) -> dict[int, tuple[int, int]]:
        """Return the offsets of the first and the last record of each partition."""
        found: dict[int, tuple[int, int]] = {}
        for partition, offsets in self.offsets():
            if len(offsets):
                first, _ = found.get(partition, (int(offsets[0]), 0))
                found[partition] = (first, int(offsets[-1]))
        return found


@dataclass
class Held:
    """What a table holds of a topic: which records, and in how many rows."""

    positions: Positions = field(default_factory=Positions)
    rows: int = 0

    @property
    def doubled(self) -> int:
        """Count the rows above one for each record."""
        return self.rows - len(self.positions)

    def add(self, batch: pa.RecordBatch) -> None:
        """Take in rows whose first two columns are partition and offset."""
        self.positions.add(*places(batch))
        self.rows += batch.num_rows


def held(batches: Iterable[pa.RecordBatch]) -> Held:
    """Return what rows of (partition, offset) hold."""
    found = Held()
    for batch in batches:
        found.add(batch)
    return found


def held_by_topic(batches: Iterable[pa.RecordBatch]) -> defaultdict[str, Held]:
    """Return by topic what rows of (partition, offset, topic) hold."""
    found: defaultdict[str, Held] = defaultdict(Held)
    for topic, batch in _by_topic(batches):
        found[topic].add(batch)
    return found


def ends(batches: Iterable[pa.RecordBatch]) -> defaultdict[str, dict[int, int]]:
    """Return by topic and partition the offset behind the last of rows of (partition, offset,
    topic).
    """
    found: defaultdict[str, dict[int, int]] = defaultdict(dict)
    for topic, batch in _by_topic(batches):
        partitions, offsets = places(batch)
        for partition in np.unique(partitions).tolist():
            end = int(offsets[partitions == partition].max()) + 1
            found[topic][partition] = max(end, found[topic].get(partition, 0))
    return found


def told_apart(
    batches: Iterable[pa.RecordBatch], boundaries: Mapping[str, Sequence[int]], topic: str | None = None
) -> Iterator[pa.RecordBatch]:
    """Return rows of (partition, offset, …, time) without the time and with partitions that tell
    apart in which incarnation of its topic a record arrived.

    boundaries: by topic when each further incarnation began, in microseconds since 1970. topic: of
    all rows; else the column of that name tells it.
    """
    for batch in batches:
        partitions, _ = places(batch)
        arrived_us = batch.column(batch.num_columns - 1).cast(pa.int64()).to_numpy()
        for each, begun_us in boundaries.items():
            if topic is None:
                is_of = pc.equal(batch.column("topic"), each).to_numpy(zero_copy_only=False)
            else:
                is_of = np.full(len(partitions), each == topic)
            partitions = partitions + STEP * np.searchsorted(begun_us, arrived_us, side="right") * is_of
        columns = [pa.array(partitions), *batch.columns[1:-1]]
        yield pa.RecordBatch.from_arrays(columns, batch.schema.names[:-1])


def oldest(batches: Iterable[pa.RecordBatch], chosen: Positions) -> datetime | None:
    """Return the earliest time of arrival of those chosen among rows of (partition, offset, time);
    None where none has one.
    """
    times: Iterator[datetime | None] = (_earliest(batch, chosen) for batch in batches)
    return min((time for time in times if time is not None), default=None)


def _earliest(batch: pa.RecordBatch, chosen: Positions) -> datetime | None:
    times = batch.column(2).filter(pa.array(chosen.has(*places(batch))))
    # Bronze has 1970 where a record has no such time.
    found: datetime | None = pc.min(times.filter(pc.greater_equal(times, pa.scalar(OUR_TIMES.start, times.type)))).as_py()
    return found


def _pages(partitions: Integers, offsets: Integers) -> Iterator[tuple[tuple[int, int], Integers]]:
    """Return which of the places lie on each page."""
    numbers = offsets // PAGE
    for partition in np.unique(partitions, sorted=False).tolist():
        of_partition = np.flatnonzero(partitions == partition)
        for number in np.unique(numbers[of_partition], sorted=False).tolist():
            yield (partition, number), of_partition[numbers[of_partition] == number]


def _by_topic(batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[str, pa.RecordBatch]]:
    for batch in batches:
        topics = batch.column(2).unique().to_pylist()
        for topic in topics:  # of bronze one, which its files are parted by
            yield topic, batch.filter(pc.equal(batch.column(2), topic)) if len(topics) > 1 else batch


def places(batch: pa.RecordBatch) -> tuple[Integers, Integers]:
    """Return the first two columns: partitions and offsets."""
    partitions, offsets = (batch.column(number).to_numpy(zero_copy_only=False) for number in range(2))
    return partitions.astype(np.int64), offsets.astype(np.int64)


def copies(batches: Iterable[pa.RecordBatch], held: Positions, loose: Positions) -> Positions:
    """Return those of the loose records that have the bytes of one that is held.

    batches: (partition, offset, value) of all of them. Values are compared by hashes of 64 bits.
    """
    of_held: list[Integers] = []
    of_loose: list[tuple[Integers, Integers, Integers]] = []
    for batch in batches:
        partitions, offsets = places(batch)
        hashes = np.fromiter(map(hash, batch.column(2).to_pylist()), np.int64, len(offsets))
        of_held.append(hashes[held.has(partitions, offsets)])
        chosen = loose.has(partitions, offsets)
        of_loose.append((partitions[chosen], offsets[chosen], hashes[chosen]))
    found = Positions()
    if of_loose:
        partitions, offsets, hashes = (np.concatenate(columns) for columns in zip(*of_loose, strict=True))
        same = np.isin(hashes, np.concatenate(of_held))
        found.add(partitions[same], offsets[same])
    return found
