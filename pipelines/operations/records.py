"""Sets of Kafka records, a bit for each: a million records are 128 kB, and to compare two sets is
to compare their bits.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from pipelines.base.arrays import Integers

PAGE = 32_768  # offsets whose bits lie together, as many as Spark's bitmap_construct_agg takes
Bits = npt.NDArray[np.uint8]  # PAGE of them, the lowest offset first
NONE: Bits = np.zeros(PAGE // 8, np.uint8)


@dataclass(frozen=True)
class Records:
    """Records of one topic: (partition, offset // PAGE) → the bits of those offsets."""

    pages: Mapping[tuple[int, int], Bits]

    def __and__(self, others: "Records") -> "Records":
        """Return the records that both have."""
        return Records({at: bits & others.pages.get(at, NONE) for at, bits in self.pages.items()})

    def __sub__(self, others: "Records") -> "Records":
        """Return the records that the others do not have."""
        return Records({at: bits & ~others.pages.get(at, NONE) for at, bits in self.pages.items()})

    def __len__(self) -> int:
        """Count the records."""
        return sum(int(np.bitwise_count(bits).sum()) for bits in self.pages.values())

    def offsets(self) -> Iterator[tuple[int, Integers]]:
        """Return the offsets, in order, by partition; a partition comes more than once."""
        for (partition, page), bits in sorted(self.pages.items(), key=lambda each: each[0]):
            yield partition, page * PAGE + np.flatnonzero(np.unpackbits(bits, bitorder="little"))

    def count_from(self, until: Mapping[int, int]) -> int:
        """Count the records at or behind an offset of their partition (partition → offset, else
        0).
        """
        return sum(int((offsets >= until.get(partition, 0)).sum()) for partition, offsets in self.offsets())

    def gaps(self) -> int:
        """Count the offsets between a partition's first and last record that are not there."""
        ends: dict[int, tuple[int, int]] = {}
        for partition, offsets in self.offsets():
            if len(offsets):
                first, _ = ends.get(partition, (int(offsets[0]), 0))
                ends[partition] = (first, int(offsets[-1]))
        return sum(last - first + 1 for first, last in ends.values()) - len(self)


@dataclass(frozen=True)
class Held:
    """What a table holds of a topic: which records, and in how many rows."""

    records: Records = Records({})
    rows: int = 0

    @property
    def doubled(self) -> int:
        """Count the rows above one for each record."""
        return self.rows - len(self.records)


def held(rows: DataFrame) -> dict[str, Held]:
    """Return by topic what rows of (topic, partition, offset) hold.

    The bits are made where the rows are: what comes to the driver is 4 kB for each PAGE of offsets.
    """
    page = F.floor(F.col("offset") / PAGE).alias("page")
    bits = F.bitmap_construct_agg(F.col("offset") % PAGE).alias("bits")
    found: dict[str, tuple[dict[tuple[int, int], Bits], list[int]]] = {}
    for row in rows.groupBy("topic", "partition", page).agg(bits, F.count(F.lit(1)).alias("rows")).collect():
        pages, counts = found.setdefault(row["topic"], ({}, []))
        pages[row["partition"], row["page"]] = np.frombuffer(row["bits"], np.uint8)
        counts.append(row["rows"])
    return {topic: Held(Records(pages), sum(counts)) for topic, (pages, counts) in found.items()}
