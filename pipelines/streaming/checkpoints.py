"""A query's checkpoint: each query has one and each table or topic one query, and neither is ever
mixed up or silently started over.
"""

import json
import uuid

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from pipelines.base.errors import CheckpointError
from pipelines.lake import catalog, iceberg
from pipelines.streaming.checkpoint_folder import CheckpointFolder
from pipelines.streaming.damage import damaged
from pipelines.streaming.offsets import TableOffset
from pipelines.table import Table

# Properties of a table: where `make recover` leaves at which offsets a new checkpoint begins, and
# which query writes the table.
START = "tidemark.starting-offsets"
OWNER = "tidemark.query-id"
# What a merged snapshot's summary says of the batch that made it, beside its query (OWNER).
BATCH = "tidemark.batch-id"
# Where a snapshot's summary names the query that made it: Iceberg's own sink, and our merges.
QUERY_IDS = (iceberg.QUERY, OWNER)
WRITTEN = "answered"  # the file in which `begin` leaves how many records the topic had


class Checkpoint(CheckpointFolder):
    """The checkpoint of one query."""

    def began_at(self, source: int) -> TableOffset | None:
        """Return the offset at which the query began, or is to begin, to read a table, its source
        of that number; None where that is not written down.

        Raises CheckpointError where that cannot be read.
        """
        name = _beginning(source)
        try:
            return TableOffset.from_json(self.read(name)) if self.exists(name) else None
        except (ValueError, TypeError) as error:
            raise self.damage(name) from error

    def begin_at(self, source: int, offset: TableOffset) -> None:
        """Have a query that has no offsets yet begin to read a table, its source of that number, at
        an offset.
        """
        self.write(_beginning(source), offset.to_json())

    def require_lost(self, is_lost: bool) -> None:
        """Raise CheckpointError where a checkpoint that is to be replaced is there: it knows better
        where to go on.
        """
        if not is_lost:
            raise CheckpointError(f"The checkpoint {self.path} of {self.query} is there and is kept: start the query.")

    def require_whole(self) -> None:
        """Raise CheckpointError where files of the checkpoint cannot be read."""
        if found := damaged(self):
            raise self.damage(*found)

    def _new_id(self) -> str:
        """Give the query an id, by which Spark knows it from its first batch on, and return it."""
        query_id = str(uuid.uuid4())
        self.write("metadata", json.dumps({"id": query_id}))
        return query_id

    def _has_offsets(self) -> bool:
        return bool(self.numbers("offsets"))


class TableCheckpoint(Checkpoint):
    """The checkpoint of the query that writes a table; the table remembers the query's id."""

    def __init__(self, spark: SparkSession, table: Table) -> None:
        super().__init__(spark, table.name)
        self.table = table

    def claim(self) -> str:
        """Return the folder, once it is certain that this checkpoint and this table belong
        together.

        Raises CheckpointError when the checkpoint is lost (the table has one, the folder or its
        offsets are gone), damaged, or belongs to another table; all would lose rows or write them
        twice.
        """
        owner = self.owner()
        if owner is None:
            self._begin()
        elif self.is_lost():
            how = "older than what the table holds" if self._is_behind() else "lost"
            raise CheckpointError(
                f"The checkpoint {self.path} of {self.query} is {how}, and starting from there would lose rows or write them "
                f"twice: restore it, or run `make recover TABLE={self.query}`, which starts over from what is kept "
                "(docs/operations.md)."
            )
        self.require_whole()
        if self._query_id() != self.owner():
            raise CheckpointError(
                f"The checkpoint {self.path} belongs to another query than the one that writes {self.query}: "
                "point [checkpoints] path in conf/ to the right place, or restore the right folder."
            )
        if lost := self.lost_sources():
            raise CheckpointError(
                f"{self.query} has read {', '.join(lost)} up to a snapshot that is not there any more, or was taken back, so "
                f"nobody can tell what comes behind it: run `make recover TABLE={self.query}`, which fills it again "
                "(docs/operations.md)."
            )
        return self.path

    def lost_sources(self) -> list[str]:
        """Return the tables in whose history the snapshot is not, or not any more, up to which the
        query has read them.
        """
        read = zip(self.table.made_from, self.committed() if self.table.made_from else [], strict=False)
        at = {name: offset.snapshot_id for name, offset in read if isinstance(offset, TableOffset)}
        return [name for name, number in at.items() if number > 0 and not iceberg.has_come_from(self.spark, name, number)]

    def owner(self) -> str | None:
        """Return the id of the query that writes the table; None where none has yet."""
        return catalog.property_of(self.spark, self.table, OWNER)

    def is_lost(self) -> bool:
        """Return whether the table has no checkpoint that its query could go on from.

        Without offsets the query would count its batches from 0 again, and Iceberg skips those that
        the query has committed. So it does where the checkpoint was set back behind these.
        """
        return not self.exists("metadata") or (not self._has_offsets() and self._has_written()) or self._is_behind()

    def _is_behind(self) -> bool:
        """Return whether the table holds a batch that the checkpoint has not planned yet: Iceberg
        would skip the one that gets its number.
        """
        planned = self.numbers("offsets")
        return bool(planned) and planned[-1] < iceberg.last_epoch(self.spark, self.table, str(self.owner()))

    def last_written(self) -> int | None:
        """Return the number of the last batch that the query has appended to the table by Iceberg's
        own sink; None where there is none.
        """
        last = iceberg.last_epoch(self.spark, self.table, str(self.owner()))
        return last if last >= 0 else None

    def _begin(self) -> None:
        if self.exists("offsets"):
            raise CheckpointError(
                f"The checkpoint {self.path} belongs to another table than {self.query}, which no query has written yet: "
                "move that folder away, or point [checkpoints] path in conf/ to the right place."
            )
        catalog.set_property(self.spark, self.table, OWNER, self._new_id())

    def _has_written(self) -> bool:
        """Return whether a snapshot of the table was made by the query that owns it."""
        owner = self.owner()
        if owner is None:
            return False
        made_by = (F.col("summary")[key] for key in QUERY_IDS)
        return not catalog.snapshots(self.spark, self.table).filter(F.lit(owner).isin(*made_by)).isEmpty()


class TopicCheckpoint(Checkpoint):
    """The checkpoint of the query that writes a topic, which has got `written` records so far."""

    def __init__(self, spark: SparkSession, topic: str, written: int) -> None:
        super().__init__(spark, topic)
        self.written = written

    def claim(self) -> str:
        """Return the folder; raises CheckpointError where the topic has records and the checkpoint
        of its query is gone or damaged.
        """
        if self.written and self.is_lost():
            raise CheckpointError(
                f"The checkpoint {self.path} of {self.query} is lost, and starting without it would take everything in twice: "
                f"restore it, or run `make recover TABLE={self.query}`: the query then starts over from nothing "
                "(docs/operations.md)."
            )
        self.require_whole()
        return self.path

    def is_lost(self) -> bool:
        """Return whether the topic has no checkpoint that its query could go on from."""
        return not self.exists("metadata") or (not self._has_offsets() and self.written > self._written_before())

    def begin(self) -> None:
        """Give the query an empty checkpoint, in the place of one that was lost."""
        self.remove()
        self.write(WRITTEN, str(self.written))
        self._new_id()

    def _written_before(self) -> int:
        """Return how many records the topic had when `begin` made this checkpoint; 0 where the
        query itself began it.
        """
        return int(self.read(WRITTEN)) if self.exists(WRITTEN) else 0


def _beginning(source: int) -> str:
    """Return where Iceberg keeps at which offset a stream began."""
    return f"sources/{source}/offsets/0"
