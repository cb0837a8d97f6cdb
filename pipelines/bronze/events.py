"""One row per Kafka record of every topic of silver, as the bytes that came: the archive that
silver can be rebuilt from.
"""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from pipelines.base.window import OUR_TIMES
from pipelines.table import Append, Column, Table

TABLE = Table(
    name="bronze.events",
    grain="One row per Kafka record of every input topic, as it came.",
    columns=(
        Column("topic", "string", "Topic the record came from."),
        Column("partition", "int", "Partition of the topic."),
        Column("offset", "bigint", "Offset in the partition."),
        Column(
            "timestamp",
            "timestamp",
            "When the broker appended the record, UTC; 1970-01-01 where the record has no such time between 2000 and 2100.",
        ),
        Column("key", "binary", "Key bytes.", required=False),
        Column("value", "binary", "Value bytes; null for a tombstone.", required=False),
        Column("headers", "array<struct<key: string, value: binary>>", "Kafka headers.", required=False),
    ),
    key=("topic", "partition", "offset"),
    written=Append(),
    partitioning=("topic", "hours(timestamp)"),
)


# What stands for a time of arrival that is none: Kafka's -1, or one that Python cannot read.
NO_TIME = "1970-01-01"


def keep(records: DataFrame) -> DataFrame:
    """Return Kafka's records with the archive's columns, untouched save where the time of arrival
    is none.
    """
    given = F.col("timestamp")
    arrived_at = F.when(OUR_TIMES.holds(given), given).otherwise(F.lit(NO_TIME).cast("timestamp"))
    return records.withColumn("timestamp", arrived_at).select(*TABLE.column_names)


def kept_ms(stamped_ms: int) -> int:
    """Return the time of arrival that the archive has of a record that was stamped so, both in
    milliseconds since 1970.
    """
    return stamped_ms if OUR_TIMES.start.timestamp() <= stamped_ms / 1000 < OUR_TIMES.end.timestamp() else 0
