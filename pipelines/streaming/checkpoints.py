"""Each query has one checkpoint and each table one query: neither is ever mixed up or silently
started over.
"""

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from pipelines.base.errors import CheckpointError
from pipelines.base.paths import located
from pipelines.base.settings import settings
from pipelines.lake import catalog
from pipelines.table import Table

# The property in which `make recover` leaves where a new checkpoint begins.
START = "tidemark.starting-offsets"
OWNER = "tidemark.query-id"  # the property in which a table remembers the query that writes it
ANSWERED = "answered"  # the file in which `begin` leaves how many records the topic had
# Where a snapshot's summary names the query that made it: Iceberg's own sink, and stream.upsert.
QUERY_IDS = ("spark.sql.streaming.queryId", OWNER)


def folder(query: str) -> str:
    """Return the checkpoint folder of a query."""
    return f"{located(settings().checkpoints.path)}/{query}"


def claim(spark: SparkSession, table: Table) -> str:
    """Return the table's checkpoint folder, once it is certain that this checkpoint and this table
    belong together.

    Raises CheckpointError when the checkpoint is lost (the table has one, the folder or its offsets
    are gone) or belongs to another table; both would lose rows or write them twice.
    """
    path = Folder(spark, folder(table.name))
    owner = catalog.property_of(spark, table, OWNER)
    if owner is None:
        if path.exists("offsets"):
            raise CheckpointError(
                f"The checkpoint {path.path} belongs to another table than {table.name}, which no query has written yet: "
                "move that folder away, or point [checkpoints] path in conf/ to the right place."
            )
        owner = str(uuid.uuid4())
        path.write("metadata", json.dumps({"id": owner}))
        catalog.set_property(spark, table, OWNER, owner)
    elif lost(spark, table):
        raise CheckpointError(
            f"The checkpoint {path.path} of {table.name} is lost, and starting without it would lose rows or write them twice: "
            f"restore it, or run `make recover TABLE={table.name}`, which starts over from what is kept (docs/operations.md)."
        )
    elif json.loads(path.read("metadata"))["id"] != owner:
        raise CheckpointError(
            f"The checkpoint {path.path} belongs to another query than the one that writes {table.name}: "
            "point [checkpoints] path in conf/ to the right place, or restore the right folder."
        )
    return path.path


def require_memory(spark: SparkSession, topic: str, answered: int) -> None:
    """Raise CheckpointError when the query that has written `answered` records to a topic has no
    checkpoint to go on from.
    """
    if answered and lost_answers(spark, topic, answered):
        raise CheckpointError(
            f"The checkpoint {folder(topic)} of {topic} is lost, and starting without it would take everything in twice: "
            f"restore it, or run `make recover TABLE={topic}`: the query then starts over from nothing (docs/operations.md)."
        )


def require_lost(query: str, is_lost: bool) -> None:
    """Raise CheckpointError when a checkpoint that is to be replaced is there: it is the better
    memory.
    """
    if not is_lost:
        raise CheckpointError(f"The checkpoint {folder(query)} of {query} is there and is kept: start the query.")


def begin(spark: SparkSession, topic: str, answered: int) -> None:
    """Give the query of a topic that has `answered` records an empty checkpoint, in the place of
    one that was lost.
    """
    path = Folder(spark, folder(topic))
    path.remove()
    path.write(ANSWERED, str(answered))
    path.write("metadata", json.dumps({"id": str(uuid.uuid4())}))


def lost(spark: SparkSession, table: Table) -> bool:
    """Say whether a table has no checkpoint that its query could go on from.

    Without offsets the query would count its batches from 0 again, and Iceberg skips those that the
    query has committed.
    """
    return _lost(Folder(spark, folder(table.name)), lambda _: _has_committed(spark, table))


def lost_answers(spark: SparkSession, topic: str, answered: int) -> bool:
    """Say whether the query that has written `answered` records to a topic has no checkpoint that
    it could go on from.
    """
    return _lost(Folder(spark, folder(topic)), lambda path: answered > _answered_before(path))


def _lost(path: "Folder", has_written: "Callable[[Folder], bool]") -> bool:
    """Say whether a checkpoint is gone: whole, or its offsets although its query has written since
    the checkpoint began.
    """
    if not path.exists("metadata"):
        return True
    return not any(name.isdigit() for name in path.names("offsets")) and has_written(path)


def _answered_before(path: "Folder") -> int:
    """Return how many records the topic had when `begin` made this checkpoint; 0 where the query
    itself began it.
    """
    return int(path.read(ANSWERED)) if path.exists(ANSWERED) else 0


def _has_committed(spark: SparkSession, table: Table) -> bool:
    """Say whether a snapshot of the table was made by the query that owns it."""
    owner = catalog.property_of(spark, table, OWNER)
    if owner is None:
        return False
    made_by = (F.col("summary")[key] for key in QUERY_IDS)
    return not catalog.snapshots(spark, table).filter(F.lit(owner).isin(*made_by)).isEmpty()


def committed_offsets(spark: SparkSession, query: str) -> list[str]:
    """Return the offsets (one JSON per source) up to which the query has committed; empty before
    its first batch.
    """
    path = Folder(spark, folder(query))
    number = _last_committed(path)
    return path.read(f"offsets/{number}").splitlines()[2:] if number is not None else []


def last_batch(spark: SparkSession, query: str) -> tuple[str, int] | None:
    """Return the query's id and the number of the last batch that it has committed; None before its
    first.
    """
    path = Folder(spark, folder(query))
    number = _last_committed(path)
    return (json.loads(path.read("metadata"))["id"], number) if number is not None else None


def _last_committed(path: "Folder") -> int | None:
    return max((int(name) for name in path.names("commits") if name.isdigit()), default=None)


def began_at(spark: SparkSession, query: str, source: int) -> dict[str, Any] | None:
    """Return the offset at which a query began, or is to begin, to read a table, its source of that
    number; None if unsaid.
    """
    path = Folder(spark, folder(query))
    return json.loads(path.read(_beginning(source))) if path.exists(_beginning(source)) else None


def begin_at(spark: SparkSession, query: str, source: int, offset: dict[str, Any]) -> None:
    """Say at which offset a query without a checkpoint is to begin to read a table, its source of
    that number.
    """
    Folder(spark, folder(query)).write(_beginning(source), json.dumps(offset))


def _beginning(source: int) -> str:
    """Return where Iceberg keeps at which offset a stream began."""
    return f"sources/{source}/offsets/0"


@dataclass(frozen=True)
class Folder:
    """A folder on whatever file system Hadoop knows by its URI."""

    spark: SparkSession
    path: str

    def exists(self, name: str) -> bool:
        """Say whether there is a file or folder of that name."""
        return bool(self._files().exists(self._at(name)))

    def names(self, name: str) -> list[str]:
        """Return the names in a folder; none where there is no such folder."""
        if not self.exists(name):
            return []
        return [status.getPath().getName() for status in self._files().listStatus(self._at(name))]

    def read(self, name: str) -> str:
        """Return a text file's content."""
        file = self._files().open(self._at(name))
        content = bytes(file.readAllBytes())
        file.close()
        return content.decode()

    def write(self, name: str, text: str) -> None:
        """Write a text file, over one that is there."""
        out = self._files().create(self._at(name), True)
        out.write(bytearray(text.encode()))
        out.close()

    def remove(self) -> None:
        """Remove the folder with all that is in it."""
        self._files().delete(self._hadoop().fs.Path(self.path), True)

    def _hadoop(self) -> Any:
        return cast(Any, self.spark._jvm).org.apache.hadoop

    def _at(self, name: str) -> Any:
        return self._hadoop().fs.Path(f"{self.path}/{name}")

    def _files(self) -> Any:
        configuration = cast(Any, self.spark)._jsc.hadoopConfiguration()
        return self._at("").getFileSystem(configuration)
