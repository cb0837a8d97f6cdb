"""The one way from a topic to its silver table: a record is accepted or refused with one reason, by
the same rules everywhere.
"""

from collections.abc import Iterator
from functools import reduce
from operator import and_
from typing import Protocol

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from pipelines.contracts.avro import decode, frame_refusal
from pipelines.contracts.contract import Contract
from pipelines.silver.bounds import EARLIEST, Rules, bounds
from pipelines.table import Column as TableColumn
from pipelines.table import Table

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


class Silver(Protocol):
    """A module of a silver table: the table, and the rules by which a record is accepted into it,
    beside the bounds of its columns' types.
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
    accepted = is_accepted(F.col("value"), F.col("event"), F.col("timestamp"), contract, silver)
    lineage = [
        F.col("partition").alias("kafka_partition"),
        F.col("offset").alias("kafka_offset"),
        F.col("timestamp").alias("kafka_at"),
    ]
    fields = [column.name for column in filled(silver.TABLE)]
    return decoded.filter(accepted).select(*(F.col(f"event.{name}") for name in fields), *lineage)


def filled(table: Table) -> list[TableColumn]:
    """Return the columns that the producer fills: all but those of the lineage."""
    return [column for column in table.columns if column not in LINEAGE]


def rules(silver: Silver) -> Rules:
    """Return every rule by which a record is accepted into a table, in the order in which they are
    asked: the bounds of its columns' types, and its own.
    """
    return {**bounds(filled(silver.TABLE)), **silver.RULES}


def refusal(value: Column, event: Column, appended_at: Column, contract: Contract, silver: Silver) -> Column:
    """Return why a record is refused, as `reason` or `broken_rule:<rule>`; null where it is
    accepted.
    """
    reason = frame_refusal(value, contract)
    for name, is_so in _refusals(event, appended_at, silver):
        reason = reason.when(is_so, name)
    return reason


def is_accepted(value: Column, event: Column, appended_at: Column, contract: Contract, silver: Silver) -> Column:
    """Return whether a record is accepted: the same as that there is no `refusal`, in a third of
    the code, which Java would not compile beyond some length.
    """
    refused = [is_so for _, is_so in _refusals(event, appended_at, silver)]
    return reduce(and_, (~is_so for is_so in refused), frame_refusal(value, contract).isNull())


def _refusals(event: Column, appended_at: Column, silver: Silver) -> Iterator[tuple[str, Column]]:
    """Yield each reason to refuse a record that has a known schema, and whether it is one, in the
    order in which they are asked: each only where those before it are not so.

    A null outcome of a rule counts as broken.
    """
    event_at = event["event_at"]
    yield "undecodable", event.isNull() | event["event_id"].isNull() | event_at.isNull()
    # Compared as numbers: Spark adds an interval to a timestamp by way of the calendar, record by
    # record.
    yield "event_at_in_the_future", F.unix_micros(event_at) > F.unix_micros(appended_at) + CLOCK_AHEAD_US
    yield "event_at_before_2000", event_at < F.lit(EARLIEST).cast("timestamp")
    for name, holds in rules(silver).items():
        yield f"broken_rule:{name}", ~F.coalesce(holds(event), F.lit(False))


def once_each(refined: DataFrame) -> DataFrame:
    """Return the first of the copies of every event, by its place in the topic."""
    order = Window.partitionBy("event_id").orderBy("kafka_at", "kafka_partition", "kafka_offset")
    return refined.withColumn("copy", F.row_number().over(order)).filter(F.col("copy") == 1).drop("copy")


def absent(rows: DataFrame, silver: DataFrame) -> DataFrame:
    """Return the rows whose event is not in silver."""
    return rows.join(silver.select("event_id"), "event_id", "left_anti").select(*silver.columns)
