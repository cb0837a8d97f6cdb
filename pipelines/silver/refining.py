"""The one way from a topic to its silver table: a record is accepted or refused with one reason, by
the same rules everywhere.
"""

from collections.abc import Callable, Mapping
from typing import Protocol

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from pipelines.contracts.avro import decode, frame_refusal
from pipelines.contracts.contract import Contract
from pipelines.table import Column as TableColumn
from pipelines.table import Table

Rules = Mapping[str, Callable[[Column], Column]]

EVENT = (
    TableColumn("event_id", "string", "Unique id of this event; the same event sent twice carries the same id."),
    TableColumn("event_at", "timestamp", "When it happened, UTC, microseconds since 1970."),
)
LINEAGE = (
    TableColumn("kafka_partition", "int", "Partition of the topic the row came from."),
    TableColumn("kafka_offset", "bigint", "Offset in that partition."),
    TableColumn("kafka_at", "timestamp", "When the broker appended the record, UTC."),
)
# Clocks of producers may be a little ahead; what claims to be from further in the future would drag
# watermarks along.
CLOCK_AHEAD_US = 10 * 60 * 1_000_000
EARLIEST = "2000-01-01"


class Silver(Protocol):
    """A module of a silver table: the table, and the rules by which a record is accepted into
    it.
    """

    TABLE: Table
    RULES: Rules


def refine(records: DataFrame, contract: Contract, silver: Silver) -> DataFrame:
    """Return the records (Kafka's columns) that keep every rule, in the table's columns; copies of
    an event are all there.
    """
    # explode(array(...)) keeps the optimiser from decoding once more for every field that is used.
    decoded = records.filter(F.col("topic") == contract.topic).withColumn(
        "event", F.explode(F.array(decode(F.col("value"), contract)))
    )
    reason = refusal(F.col("value"), F.col("event"), F.col("timestamp"), contract, silver.RULES)
    lineage = [
        F.col("partition").alias("kafka_partition"),
        F.col("offset").alias("kafka_offset"),
        F.col("timestamp").alias("kafka_at"),
    ]
    fields = [column.name for column in silver.TABLE.columns if column not in LINEAGE]
    return decoded.filter(reason.isNull()).select(*(F.col(f"event.{name}") for name in fields), *lineage)


def refusal(value: Column, event: Column, appended_at: Column, contract: Contract, rules: Rules) -> Column:
    """Return why a record is refused, as `reason` or `broken_rule:<rule>`; null where it is
    accepted.

    A null outcome of a rule counts as broken.
    """
    event_at = event["event_at"]
    reason = frame_refusal(value, contract)
    reason = reason.when(event.isNull() | event["event_id"].isNull() | event_at.isNull(), "undecodable")
    # Compared as numbers: Spark adds an interval to a timestamp by way of the calendar, record by
    # record.
    ahead = F.unix_micros(event_at) > F.unix_micros(appended_at) + CLOCK_AHEAD_US
    reason = reason.when(ahead, "event_at_in_the_future")
    reason = reason.when(event_at < F.lit(EARLIEST).cast("timestamp"), "event_at_before_2000")
    for name, holds in rules.items():
        reason = reason.when(~F.coalesce(holds(event), F.lit(False)), f"broken_rule:{name}")
    return reason


def once_each(refined: DataFrame) -> DataFrame:
    """Return the first of the copies of every event, by its place in the topic."""
    order = Window.partitionBy("event_id").orderBy("kafka_at", "kafka_partition", "kafka_offset")
    return refined.withColumn("copy", F.row_number().over(order)).filter(F.col("copy") == 1).drop("copy")


def absent(rows: DataFrame, silver: DataFrame) -> DataFrame:
    """Return the rows whose event is not in silver."""
    return rows.join(silver.select("event_id"), "event_id", "left_anti").select(*silver.columns)
