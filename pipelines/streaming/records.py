"""The place of a record in its topic: how a query's row is known from which record it came, in
topics and in tables alike.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from pipelines.table import Table

Source = str | Table  # what a query reads: a topic by its name, or a table
SEPARATOR = "@"  # no name of a topic has one
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, order=True)
class Record:
    """A record of a topic; `at_us` is when the broker appended it, microseconds since 1970: a topic
    that was made anew counts its offsets from 0 again.
    """

    topic: str
    partition: int
    offset: int
    at_us: int

    def __str__(self) -> str:
        """Return the place as people read it."""
        return f"{self.topic}[{self.partition}]@{self.offset}"

    @property
    def arrived(self) -> datetime:
        """When the broker appended it, UTC."""
        return EPOCH + timedelta(microseconds=self.at_us)

    def to_name(self) -> str:
        """Return the record as the name of a file."""
        return SEPARATOR.join(map(str, (self.topic, self.partition, self.offset, self.at_us)))

    @classmethod
    def from_name(cls, name: str) -> "Record":
        """Return what `to_name` wrote; raises ValueError for a name that is no record's."""
        topic, partition, offset, at_us = name.split(SEPARATOR)
        return cls(topic, int(partition), int(offset), int(at_us))


@dataclass(frozen=True)
class Places:
    """The columns of a source that say from which record a row came."""

    topic: Column
    partition: Column
    offset: Column
    at_us: Column

    @classmethod
    def of(cls, source: Source) -> "Places":
        """Return those of a topic, of bronze, or of a silver table."""
        if isinstance(source, str) or "topic" in source.column_names:
            return cls(F.col("topic"), F.col("partition"), F.col("offset"), F.unix_micros("timestamp"))
        topic = F.lit(source.topic)
        return cls(topic, F.col("kafka_partition"), F.col("kafka_offset"), F.unix_micros("kafka_at"))

    def are(self, record: Record) -> Column:
        """Return whether a row came from this record."""
        same_place = (self.topic == record.topic) & (self.partition == record.partition) & (self.offset == record.offset)
        return same_place & (self.at_us == record.at_us)

    def up_to(self, record: Record) -> Column:
        """Return whether a row came from this record or one before it, by topic, partition and
        offset.
        """
        same_topic = self.topic == record.topic
        before = (self.partition < record.partition) | ((self.partition == record.partition) & (self.offset <= record.offset))
        return (self.topic < record.topic) | (same_topic & before)

    def among(self, rows: DataFrame) -> list[Record]:
        """Return the records of these rows, in the order of `up_to`."""
        places = rows.select(
            self.topic.alias("topic"), self.partition.alias("partition"), self.offset.alias("offset"), self.at_us.alias("at_us")
        )
        table = places.distinct().orderBy("topic", "partition", "offset").toArrow()
        return [Record(**each) for each in table.to_pylist()]
