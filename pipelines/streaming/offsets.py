"""How far a query has read: offsets of topics and of tables, parsed from what Spark and Iceberg
write as JSON, and written as they read it.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

NOTHING_YET = "-"  # what Spark writes for a source of which it has read nothing


@dataclass(frozen=True)
class TopicOffsets:
    """The offset before which each partition of each topic has been read: topic → partition →
    offset.
    """

    by_topic: Mapping[str, Mapping[int, int]]

    def of(self, topic: str) -> Mapping[int, int]:
        """Return the offsets of one topic by partition; none where the topic was not read."""
        return self.by_topic.get(topic, {})

    def to_json(self) -> str:
        """Return the offsets as Spark's Kafka source reads them."""
        return json.dumps({topic: {str(key): at for key, at in ends.items()} for topic, ends in self.by_topic.items()})

    @classmethod
    def from_json(cls, text: str) -> "TopicOffsets":
        """Return what `to_json` wrote, or Spark."""
        return cls({topic: {int(key): at for key, at in ends.items()} for topic, ends in json.loads(text).items()})


@dataclass(frozen=True)
class TableOffset:
    """How far a stream has read a table: the snapshot, and how many of the files that it added.

    With `scan_all_files` the snapshot is read whole, not only what it added.
    """

    snapshot_id: int
    position: int
    scan_all_files: bool
    version: int = 1

    def to_json(self) -> str:
        """Return the offset as Iceberg's source reads it."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "TableOffset":
        """Return what `to_json` wrote, or Iceberg."""
        return cls(**json.loads(text))


Offset = TopicOffsets | TableOffset | None


def parsed(line: str) -> Offset:
    """Return one source's offset from a line of Spark's offset log; None where nothing was read."""
    if line == NOTHING_YET:
        return None
    return TableOffset.from_json(line) if "snapshot_id" in json.loads(line) else TopicOffsets.from_json(line)


@dataclass(frozen=True)
class PlannedBatch:
    """A batch as Spark's offset log has it: when it was planned, the watermark that holds in it
    (both in milliseconds since 1970), and a line of where it ends in each source.
    """

    at_ms: int
    watermark_ms: int
    lines: tuple[str, ...]

    @property
    def ends(self) -> list[Offset]:
        """Where the batch ends in each source, a topic or a table."""
        return [parsed(line) for line in self.lines]

    @classmethod
    def from_log(cls, text: str) -> "PlannedBatch":
        """Return what Spark wrote; raises ValueError for anything else."""
        metadata, *ends = _lines_of_log(text)
        if not ends:
            raise ValueError("an offset log names no source")
        found, *_ = (json.loads(line) for line in (metadata, *ends) if line != NOTHING_YET)
        return cls(found.get("batchTimestampMs", 0), found.get("batchWatermarkMs", 0), tuple(ends))


def next_watermark_ms(text: str) -> int:
    """Return the watermark of the batch after the one that a file of Spark's commit log is of;
    raises ValueError for anything else.
    """
    metadata, *_ = _lines_of_log(text)
    return int(json.loads(metadata).get("nextBatchWatermarkMs", 0))


def _lines_of_log(text: str) -> list[str]:
    version, *lines = text.splitlines() or [""]
    if not version.startswith("v") or not lines:
        raise ValueError("a log begins with its version and a line of JSON")
    return lines
