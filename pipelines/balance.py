"""The row balance: bronze rows = silver rows + duplicates + quarantine rows, per topic, for every record all have seen."""

from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

RECORD = ["partition", "offset"]


@dataclass(frozen=True)
class Balance:
    """Where a topic's records are. `in_flight` were not reached by every query yet; `gaps` and `missing` must be 0."""

    topic: str
    bronze: int
    silver: int
    duplicates: int
    quarantined: int
    in_flight: int
    gaps: int

    @property
    def missing(self) -> int:
        """Records that all queries have passed and that are nowhere, and offsets that bronze has skipped."""
        return self.bronze - self.silver - self.duplicates - self.quarantined - self.in_flight + self.gaps


def balance(
    topic: str, bronze: DataFrame, refined: DataFrame, silver: DataFrame, quarantine: DataFrame, reached: DataFrame
) -> Balance:
    """Count where the records of one topic are.

    bronze: (partition, offset); refined: what `refine` makes of the same records; silver, quarantine: the tables;
    reached: (partition, until), the offset before which silver and quarantine have both done their work.
    A record that was quarantined and later rebuilt counts as silver.
    """
    in_silver = silver.select(F.col("kafka_partition").alias("partition"), F.col("kafka_offset").alias("offset"))
    in_quarantine = quarantine.filter(F.col("topic") == topic).select(*RECORD).distinct().join(in_silver, RECORD, "left_anti")
    copies = refined.select(F.col("kafka_partition").alias("partition"), F.col("kafka_offset").alias("offset"), "event_id")
    duplicates = (
        copies.join(in_silver, RECORD, "left_anti").join(silver.select("event_id"), "event_id", "left_semi").select(*RECORD)
    )
    places = {"silver": in_silver, "duplicates": duplicates, "quarantined": in_quarantine}
    counted = bronze
    for place, records in places.items():
        counted = counted.join(records.withColumn(place, F.lit(1)), RECORD, "left")
    nowhere = F.coalesce(*places).isNull() & (F.col("offset") >= F.coalesce("until", F.lit(0)))
    sums = counted.join(F.broadcast(reached), "partition", "left").agg(
        F.count(F.lit(1)).alias("bronze"),
        *(F.count(place).alias(place) for place in places),
        F.count(F.when(nowhere, 1)).alias("in_flight"),
    )
    return Balance(topic=topic, gaps=_gaps(bronze), **sums.collect()[0].asDict())


def _gaps(bronze: DataFrame) -> int:
    """Count the offsets between a partition's first and last record that are not there."""
    spans = bronze.groupBy("partition").agg((F.max("offset") - F.min("offset") + 1 - F.count("*")).alias("gaps"))
    return int(spans.agg(F.coalesce(F.sum("gaps"), F.lit(0))).collect()[0][0])
