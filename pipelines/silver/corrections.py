"""What an operator may decide of events that silver does not take as they are: changes before they
are judged (`change` of `refine`).
"""

from pyspark.sql import Column
from pyspark.sql import functions as F

from pipelines.silver.bounds import between_2000_and_2100, is_ahead
from pipelines.silver.refining import Change, Silver, filled, is_before_2000

WIDE = "decimal(20,0)"  # the difference of any two times in microseconds


def at_arrival(silver: Silver) -> Change:
    """Return the change for events whose producer's clock was wrong: they happened when they
    arrived.

    The clock was off by the difference, so the other times of the event that the table does not
    take are moved by as much. What it takes as it is stays as it is.
    """
    times = [column for column in filled(silver.TABLE) if column.type == "timestamp" and column.name != "event_at"]

    def change(event: Column) -> Column:
        arrived_at = F.col("timestamp")
        off_us = F.unix_micros(event["event_at"]).cast(WIDE) - F.unix_micros(arrived_at).cast(WIDE)
        moved = event.withField("event_at", arrived_at)
        for column in times:
            time = event[column.name]
            time_us = (F.unix_micros(time).cast(WIDE) - off_us).try_cast("bigint")
            is_taken = between_2000_and_2100(time) & (F.lit(column.may_be_ahead) | time.isNull() | ~is_ahead(time, arrived_at))
            moved = moved.withField(column.name, F.when(is_taken, time).otherwise(F.timestamp_micros(time_us)))
        is_wrong = is_ahead(event["event_at"], arrived_at) | is_before_2000(event["event_at"])
        return F.when(is_wrong, moved).otherwise(event)

    return change


def with_own_id(event: Column) -> Column:
    """Return the change for an event whose id another event has: its id is followed by its place in
    the topic.
    """
    mark = (F.lit("#"), F.col("partition").cast("string"), F.lit("-"), F.col("offset").cast("string"))
    return event.withField("event_id", F.concat(event["event_id"], *mark))
