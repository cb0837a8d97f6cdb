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
