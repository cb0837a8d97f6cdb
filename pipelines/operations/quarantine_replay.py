"""Brings back what silver has refused, and events that it lacks because of their id: judged anew,
or as an operator has decided, and appended to silver at once or not at all.

What comes back stays in quarantine too, with the reason of then: a record that is in silver counts
as silver wherever records are counted, so nothing has to be removed in a second step.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from pipelines.base import kill_points
from pipelines.base.errors import SettingsError
from pipelines.base.window import Window
from pipelines.bronze import events
from pipelines.contracts.contract import Contract
from pipelines.lake import catalog
from pipelines.operations.duplicates import Place, positions
from pipelines.operations.refused import ID_CONFLICT, PLACE
from pipelines.operations.repair import lacking, passed
from pipelines.silver import quarantine
from pipelines.silver.corrections import at_arrival, with_own_id
from pipelines.silver.refining import CLOCK_REASONS, NO_EVENT, Change, Silver, as_given, refine

ARRIVAL_TIME = "arrival-time"
FEW = 500_000  # records that every task may have a copy of


@dataclass(frozen=True)
class Outcome:
    """What became of records, or would become of them: how many were `chosen` that silver lacks,
    and how many came back. Of the others: `in_silver` where an event of that id is there,
    `to_come` where silver's query has not passed them yet, `refused` by reason.
    """

    chosen: int
    returned: int
    in_silver: int
    to_come: int
    refused: Mapping[str, int]


def decided(silver: Silver, reason: str, as_what: str | None) -> Change:
    """Return what is to be taken of events that were refused for a reason, by decision of an
    operator: by none, they are judged anew as they are.

    Raises SettingsError where nothing can be decided.
    """
    if reason == ID_CONFLICT and not as_what:
        return with_own_id
    if reason in NO_EVENT:
        raise SettingsError(
            f"Nothing can be decided of {reason}: there is no event in such a record; let its producer send it again "
            "(what a later version can read, make rebuild brings back)."
        )
    if as_what == ARRIVAL_TIME and reason not in CLOCK_REASONS:
        raise SettingsError(
            f"Records of {reason} were not refused for their clock: leave out AS={ARRIVAL_TIME}, "
            f"or name one of {', '.join(CLOCK_REASONS)}."
        )
    return at_arrival(silver) if as_what == ARRIVAL_TIME else as_given


def quarantined(spark: SparkSession, topic: str, reason: str, window: Window | None) -> DataFrame:
    """Return the records of a topic that quarantine holds for a reason and that arrived in the
    window, with Kafka's columns.
    """
    catalog.ensure(spark, quarantine.TABLE)
    rows = catalog.fresh(spark, quarantine.TABLE).filter((F.col("topic") == F.lit(topic)) & (F.col("reason") == F.lit(reason)))
    return rows.filter(window.holds(F.col("timestamp"))) if window else rows


def archived(spark: SparkSession, topic: str, places: Iterable[Place], window: Window | None) -> DataFrame:
    """Return the records of a topic that lie at these places and arrived in the window, as bronze
    has them.
    """
    partitions, offsets = positions(places).columns()
    wanted = spark.createDataFrame(
        pa.table({"partition": pa.array(partitions, pa.int32()), "offset": pa.array(offsets, pa.int64())})
    )
    rows = catalog.fresh(spark, events.TABLE).filter(F.col("topic") == F.lit(topic))
    chosen = rows.join(F.broadcast(wanted) if len(offsets) <= FEW else wanted, list(PLACE), "left_semi")
    return chosen.filter(window.holds(F.col("timestamp"))) if window else chosen


def replay(
    spark: SparkSession, silver: Silver, contract: Contract, records: DataFrame, change: Change, dry_run: bool = False
) -> Outcome:
    """Append to a silver table the events of these records that it lacks and takes after the
    change, unless it is a dry run, and return what became of them.

    Doing it again adds nothing, whenever the first time ended. One process at a time may add to
    the table what it lacks (`repairing`); its query may run meanwhile.
    """
    catalog.ensure(spark, silver.TABLE)
    there = catalog.fresh(spark, silver.TABLE).select(
        F.col("kafka_partition").alias("partition"), F.col("kafka_offset").alias("offset")
    )
    chosen = records.dropDuplicates(list(PLACE)).join(there, list(PLACE), "left_anti").localCheckpoint()
    accepted = refine(chosen, contract, silver, change).localCheckpoint()
    returning = lacking(spark, silver.TABLE, accepted).localCheckpoint()
    judged = quarantine.refuse(chosen, {contract.topic: contract}, [silver], change)
    refused = {row["reason"]: row["count"] for row in judged.groupBy("reason").count().collect()}
    reached, returned = passed(spark, silver.TABLE, accepted).count(), returning.count()
    if not dry_run and returned:
        kill_points.reach("quarantine_replay.before_append")
        returning.writeTo(silver.TABLE.name).append()
        kill_points.reach("quarantine_replay.after_append")
    return Outcome(chosen.count(), returned, reached - returned, accepted.count() - reached, refused)
