"""What an operator may decide of events that silver does not take as they are: changes before they
are judged (`change` of `refine`).
"""

from pyspark.sql import Column
from pyspark.sql import functions as F

from pipelines.silver.bounds import between_2000_and_2100
from pipelines.silver.refining import Change, Silver, filled, is_ahead, is_before_2000

WIDE = "decimal(20,0)"  # the difference of any two times in microseconds


def at_arrival(silver: Silver) -> Change:
    """Return the change for events whose producer's clock was wrong: they happened when they
    arrived.

    The clock was off by the difference, so the other times of the event that lie out of all bounds
    are moved by as much. What the table takes as it is stays as it is.
    """
    times = [column.name for column in filled(silver.TABLE) if column.type == "timestamp" and column.name != "event_at"]

    def change(event: Column) -> Column:
        arrived_at = F.col("timestamp")
        off_us = F.unix_micros(event["event_at"]).cast(WIDE) - F.unix_micros(arrived_at).cast(WIDE)
        moved = event.withField("event_at", arrived_at)
        for name in times:
            time_us = (F.unix_micros(event[name]).cast(WIDE) - off_us).try_cast("bigint")
            in_bounds = between_2000_and_2100(event[name])
            moved = moved.withField(name, F.when(in_bounds, event[name]).otherwise(F.timestamp_micros(time_us)))
        is_wrong = is_ahead(event["event_at"], arrived_at) | is_before_2000(event["event_at"])
        return F.when(is_wrong, moved).otherwise(event)

    return change


def with_own_id(event: Column) -> Column:
    """Return the change for an event whose id another event has: its id is followed by its place in
    the topic.
    """
    mark = (F.lit("#"), F.col("partition").cast("string"), F.lit("-"), F.col("offset").cast("string"))
    return event.withField("event_id", F.concat(event["event_id"], *mark))
