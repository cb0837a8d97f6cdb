"""Judges records: a record is accepted into its silver table or refused with one reason, by the
same rules everywhere.
"""

from collections.abc import Callable, Mapping

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from pipelines.contracts.avro import Contract, decode, frame_refusal
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
CLOCK_AHEAD = "INTERVAL 10 MINUTES"
EARLIEST = "2000-01-01"


def refusal(value: Column, event: Column, appended_at: Column, contract: Contract, rules: Rules) -> Column:
    """Return why a record is refused, as `reason` or `broken_rule:<rule>`; null where it is
    accepted.

    A null outcome of a rule counts as broken.
    """
    event_at = event["event_at"]
    reason = F.when(frame_refusal(value, contract).isNotNull(), frame_refusal(value, contract))
    reason = reason.when(event.isNull() | event["event_id"].isNull() | event_at.isNull(), "undecodable")
    reason = reason.when(event_at > appended_at + F.expr(CLOCK_AHEAD), "event_at_in_the_future")
    reason = reason.when(event_at < F.lit(EARLIEST).cast("timestamp"), "event_at_before_2000")
    for name, holds in rules.items():
        reason = reason.when(~F.coalesce(holds(event), F.lit(False)), f"broken_rule:{name}")
    return reason


def accepted(records: DataFrame, contract: Contract, table: Table, rules: Rules) -> DataFrame:
    """Return the records that keep every rule, in the table's columns; records have Kafka's
    columns.
    """
    # explode(array(...)) keeps the optimiser from decoding once more for every field that is used.
    decoded = records.filter(F.col("topic") == contract.topic).withColumn(
        "event", F.explode(F.array(decode(F.col("value"), contract)))
    )
    good = decoded.filter(refusal(F.col("value"), F.col("event"), F.col("timestamp"), contract, rules).isNull())
    lineage = [
        F.col("partition").alias("kafka_partition"),
        F.col("offset").alias("kafka_offset"),
        F.col("timestamp").alias("kafka_at"),
    ]
    fields = [name for name in table.column_names if not name.startswith("kafka_")]
    return good.select(*(F.col(f"event.{name}") for name in fields), *lineage)
