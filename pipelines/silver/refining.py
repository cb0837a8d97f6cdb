"""The one way from a topic to its silver table: a record is accepted or refused with one reason, by
the same rules everywhere.
"""

from collections.abc import Callable, Iterator
from functools import reduce
from operator import and_
from typing import Protocol

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from pipelines.base.placeholders import NO_WORDS, Placeholders
from pipelines.base.window import OUR_TIMES
from pipelines.contracts.avro import decode, frame_refusal
from pipelines.contracts.contract import Contract
from pipelines.silver.bounds import Rules, between_2000_and_2100, bounds, is_ahead
from pipelines.silver.identities import identities
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
    TableColumn(
        "event_at_given_us",
        "bigint",
        "What the producer gave as event_at, microseconds since 1970, where its clock was wrong and event_at is the time of "
        "arrival by an operator's decision; null where event_at is the producer's.",
        required=False,
    ),
)
IN_THE_FUTURE, BEFORE_2000 = "event_at_in_the_future", "event_at_before_2000"
CLOCK_REASONS = (IN_THE_FUTURE, BEFORE_2000)  # why a record is refused whose producer's clock is wrong
NO_EVENT = ("tombstone", "no_schema_header", "undecodable")  # why one is refused that holds no event
NO_ARRIVAL_TIME = "no_arrival_time"  # why one is refused that no broker has stamped: order and age are unknown

Change = Callable[[Column], Column]  # from a decoded event to what silver is to take of it; sees Kafka's columns


class Silver(Protocol):
    """A module of a silver table: the table, and the rules by which a record is accepted into it,
    beside the bounds of its columns' types.
    """

    TABLE: Table
    RULES: Rules


def as_given(event: Column) -> Column:
    """Return the event as its producer gave it."""
    return event


def refine(records: DataFrame, contract: Contract, silver: Silver, change: Change = as_given) -> DataFrame:
    """Return the records (Kafka's columns) that keep every rule, in the table's columns; copies of
    an event are all there.

    change: what an operator has decided of the events, before they are judged.
    """
    # explode(array(...)) keeps the optimiser from decoding once more for every field that is used.
    decoded = records.filter(F.col("topic") == contract.topic).withColumn(
        "event", F.explode(F.array(decode(F.col("value"), contract)))
    )
    given_us = F.lit(None)
    if change is not as_given:
        decoded = decoded.withColumn("given_us", F.unix_micros("event.event_at")).withColumn("event", change(F.col("event")))
        given_us = F.when(F.unix_micros("event.event_at") != F.col("given_us"), F.col("given_us"))
    accepted = is_accepted(F.col("event"), contract, silver)
    lineage = [
        F.col("partition").alias("kafka_partition"),
        F.col("offset").alias("kafka_offset"),
        F.col("timestamp").alias("kafka_at"),
        given_us.cast("bigint").alias("event_at_given_us"),
    ]
    fields = [column.name for column in filled(silver.TABLE)]
    return decoded.filter(accepted).select(*(F.col(f"event.{name}") for name in fields), *lineage)


def filled(table: Table) -> list[TableColumn]:
    """Return the columns that the producer fills: all but those of the lineage."""
    return [column for column in table.columns if column not in LINEAGE]


def rules(silver: Silver, no_ids: Placeholders = NO_WORDS) -> Rules:
    """Return every rule by which a record is accepted into a table, in the order in which they are
    asked: the bounds of its columns' types, its own, and those of its ids.
    """
    return {**bounds(filled(silver.TABLE)), **silver.RULES, **identities(silver.TABLE, no_ids)}


def refusal(event: Column, contract: Contract, silver: Silver) -> Column:
    """Return why a record (Kafka's columns) with an event is refused, as `reason` or
    `broken_rule:<rule>`; null where it is accepted.
    """
    reason = frame_refusal(F.col("value"), contract)
    for name, is_so in _refusals(event, contract.no_ids, silver):
        reason = reason.when(is_so, name)
    return reason


def is_accepted(event: Column, contract: Contract, silver: Silver) -> Column:
    """Return whether a record is accepted: the same as that there is no `refusal`, in a third of
    the code, which Java would not compile beyond some length.
    """
    refused = [is_so for _, is_so in _refusals(event, contract.no_ids, silver)]
    return reduce(and_, (~is_so for is_so in refused), frame_refusal(F.col("value"), contract).isNull())


def _refusals(event: Column, no_ids: Placeholders, silver: Silver) -> Iterator[tuple[str, Column]]:
    """Yield each reason to refuse a record that has a known schema, and whether it is one, in the
    order in which they are asked: each only where those before it are not so.

    A null outcome of a rule counts as broken.
    """
    event_at, appended_at = event["event_at"], F.col("timestamp")
    yield "undecodable", event.isNull() | event["event_id"].isNull() | event_at.isNull()
    yield NO_ARRIVAL_TIME, ~between_2000_and_2100(appended_at)
    yield IN_THE_FUTURE, is_ahead(event_at, appended_at)
    yield BEFORE_2000, is_before_2000(event_at)
    for name, holds in rules(silver, no_ids).items():
        yield f"broken_rule:{name}", ~F.coalesce(holds(event), F.lit(False))


def is_before_2000(event_at: Column) -> Column:
    """Return whether an event claims to be older than any that there can be."""
    return event_at < OUR_TIMES.start


def one_per_id(refined: DataFrame) -> DataFrame:
    """Return the first of the rows of every event id, by its place in the topic: where a second one
    is a copy whatever it holds, as a score is that was sent again, or not wanted yet.
    """
    return _first_of(refined, "event_id")


def once_each(rows: DataFrame, table: Table) -> DataFrame:
    """Return a silver table's rows without copies of events: of those with one id and the same
    content the first, by its place in the topic.

    Silver has an event twice that came again after the dedup horizon, and two events that share
    their id but came further apart than that. The table may lack columns of today, or have others
    beside them.
    """
    content = [column.name for column in filled(table) if column.name in rows.columns]
    return _first_of(rows, "event_id", F.xxhash64(*content))


def _first_of(rows: DataFrame, *same: str | Column) -> DataFrame:
    order = Window.partitionBy(*same).orderBy("kafka_at", "kafka_partition", "kafka_offset")
    return rows.withColumn("copy", F.row_number().over(order)).filter(F.col("copy") == 1).drop("copy")


def absent(rows: DataFrame, silver: DataFrame) -> DataFrame:
    """Return the rows whose event is not in silver."""
    return rows.join(silver.select("event_id"), "event_id", "left_anti").select(*rows.columns)
