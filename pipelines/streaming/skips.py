"""Records that a query passes over because somebody decided so (`make skip`): one small file each,
beside the checkpoints, named by the record, with the cause in it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession

from pipelines.streaming.checkpoints import Checkpoint
from pipelines.streaming.records import Places, Record, Source

FOLDER = "skipped"


@dataclass(frozen=True)
class Skips:
    """The records that one query passes over."""

    spark: SparkSession
    query: str

    def records(self) -> list[Record]:
        """Return them, in their order."""
        return sorted(map(Record.from_name, self._files().names(self.query)))

    def add(self, record: Record, cause: str) -> None:
        """Have the query pass over one record more, from its next start on."""
        self._files().write(f"{self.query}/{record.to_name()}", cause)

    def _files(self) -> Checkpoint:
        return Checkpoint(self.spark, FOLDER)


def without(rows: DataFrame, source: Source, skipped: Sequence[Record]) -> DataFrame:
    """Return the rows of a source that came from other records than these."""
    places = Places.of(source)
    for record in skipped:
        rows = rows.filter(~places.are(record))
    return rows
