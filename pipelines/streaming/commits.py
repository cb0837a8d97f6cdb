"""What a query has committed, as its checkpoint folder tells it: read by Hadoop where Spark runs,
by Arrow where it does not.
"""

import json
from abc import ABC, abstractmethod

from pyarrow import fs

from pipelines.base.errors import CheckpointError
from pipelines.base.paths import located
from pipelines.base.settings import settings
from pipelines.streaming.offsets import Offset, PlannedBatch, TableOffset, TopicOffsets, next_watermark_ms

LOGS = ("offsets", "commits")


class Commits(ABC):
    """The commits of one query, in the folder of its name below that of the settings."""

    def __init__(self, query: str) -> None:
        self.query = query
        self.path = f"{located(settings().checkpoints.path)}/{query}"

    @abstractmethod
    def names(self, name: str) -> list[str]:
        """Return the names in a folder; none where there is no such folder."""

    @abstractmethod
    def read(self, name: str) -> str:
        """Return a text file's content."""

    def numbers(self, log: str) -> list[int]:
        """Return the batches of which a log, offsets or commits, has a file, in order."""
        return sorted(int(name) for name in self.names(log) if name.isdigit())

    def committed(self) -> list[Offset]:
        """Return up to where the query has committed, one offset for each of its sources; empty
        before its first batch.
        """
        number = self._last_committed()
        return self._planned(number).ends if number is not None else []

    def planned(self) -> list[Offset] | None:
        """Return up to where the batch goes that was planned and not committed, one offset for each
        source; None where there is no such batch.
        """
        number = max(self.numbers("offsets"), default=None)
        committed = self._last_committed()
        return self._planned(number).ends if number is not None and (committed is None or number > committed) else None

    def committed_of(self, topic: str) -> dict[int, int]:
        """Return up to where the query has committed a topic, by partition; empty before its first
        batch.
        """
        offsets = (offset for offset in self.committed() if isinstance(offset, TopicOffsets))
        return {partition: at for offset in offsets for partition, at in offset.of(topic).items()}

    def committed_tables(self) -> list[TableOffset]:
        """Return up to where the query has committed each table that it reads; empty before its
        first batch.
        """
        return [offset for offset in self.committed() if isinstance(offset, TableOffset)]

    def last_batch(self) -> tuple[str, int] | None:
        """Return the query's id and the number of the last batch that it has committed; None before
        its first.
        """
        number = self._last_committed()
        return (self._query_id(), number) if number is not None else None

    def watermarks_ms(self) -> tuple[int, int]:
        """Return the watermark that held in the last batch that was committed, and the one of the
        batch after it, in milliseconds since 1970; 0 before the first batch.

        Raises CheckpointError where the checkpoint is damaged.
        """
        number = self._last_committed()
        return (self._planned(number).watermark_ms, self._next_watermark_ms(number)) if number is not None else (0, 0)

    def clock_ms(self, watermark_delay_ms: int) -> int:
        """Return a time that the query's clock has come to, in milliseconds since 1970: when the
        last batch was planned, or what its watermark, or the next one's, is behind by the delay; 0
        before the first batch.

        Raises CheckpointError where the checkpoint is damaged.
        """
        newest, done = (max(self.numbers(log), default=None) for log in LOGS)
        if newest is None:
            return 0
        batch = self._planned(newest)
        marks = [batch.watermark_ms, 0 if done is None else self._next_watermark_ms(done)]
        return max(batch.at_ms, max(marks) + watermark_delay_ms)

    def damage(self, *names: str) -> CheckpointError:
        """Return the error that says that files of the checkpoint cannot be read."""
        return CheckpointError(
            f"The checkpoint {self.path} of {self.query} is damaged, as a power cut leaves it: {', '.join(names)} cannot be "
            f"read. Run `make recover TABLE={self.query}`, which steps over it where nothing is lost by that, or else starts "
            "over from what is kept (docs/operations.md)."
        )

    def _planned(self, number: int) -> PlannedBatch:
        """Return a batch of the offset log; raises CheckpointError where that is damaged."""
        try:
            return PlannedBatch.from_log(self.read(f"offsets/{number}"))
        except ValueError as error:
            raise self.damage(f"offsets/{number}") from error

    def _next_watermark_ms(self, number: int) -> int:
        try:
            return next_watermark_ms(self.read(f"commits/{number}"))
        except ValueError as error:
            raise self.damage(f"commits/{number}") from error

    def _query_id(self) -> str:
        """Return the id by which Spark knows the query; raises CheckpointError where that is
        damaged.
        """
        try:
            return str(json.loads(self.read("metadata"))["id"])
        except (ValueError, KeyError, TypeError) as error:
            raise self.damage("metadata") from error

    def _last_committed(self) -> int | None:
        return max(self.numbers("commits"), default=None)


class ArrowCommits(Commits):
    """Read by Arrow, which knows file:, s3: (with the credentials that the environment names) and
    hdfs:.
    """

    def __init__(self, query: str) -> None:
        super().__init__(query)
        # Hadoop's name for what all others call s3.
        self._files, self._folder = fs.FileSystem.from_uri(self.path.replace("s3a://", "s3://", 1))

    def names(self, name: str) -> list[str]:
        """Return the names in a folder; none where there is no such folder."""
        found = self._files.get_file_info(fs.FileSelector(f"{self._folder}/{name}", allow_not_found=True))
        return [each.base_name for each in found]

    def read(self, name: str) -> str:
        """Return a text file's content."""
        with self._files.open_input_stream(f"{self._folder}/{name}") as file:
            return bytes(file.read()).decode()

    def lose(self) -> None:
        """Remove the file without which nobody takes the folder for a checkpoint."""
        name = f"{self._folder}/metadata"
        if self._files.get_file_info(name).type == fs.FileType.File:
            self._files.delete_file(name)
