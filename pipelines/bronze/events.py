"""One row per Kafka record of every topic of silver, as the bytes that came: the archive that
silver can be rebuilt from.
"""

from pyspark.sql import DataFrame

from pipelines.table import Append, Column, Table

TABLE = Table(
    name="bronze.events",
    grain="One row per Kafka record of every input topic, as it came.",
    columns=(
        Column("topic", "string", "Topic the record came from."),
        Column("partition", "int", "Partition of the topic."),
        Column("offset", "bigint", "Offset in the partition."),
        Column("timestamp", "timestamp", "When the broker appended the record, UTC."),
        Column("key", "binary", "Key bytes.", required=False),
        Column("value", "binary", "Value bytes; null for a tombstone.", required=False),
        Column("headers", "array<struct<key: string, value: binary>>", "Kafka headers.", required=False),
    ),
    key=("topic", "partition", "offset"),
    written=Append(),
    partitioning=("topic", "hours(timestamp)"),
)


def keep(records: DataFrame) -> DataFrame:
    """Return Kafka's records with the archive's columns, untouched."""
    return records.select(*TABLE.column_names)
