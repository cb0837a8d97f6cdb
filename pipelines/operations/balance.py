"""The row balance: bronze rows = silver rows + duplicates + quarantine rows, per topic, for every
record all have seen.
"""

from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

RECORD = ["partition", "offset"]


@dataclass(frozen=True)
class Balance:
    """Where a topic's records are. `in_flight` were not reached by every query yet; `gaps`,
    `doubled` and `missing` must be 0.

    A record counts once wherever it is; how many rows there are above that in bronze and silver is
    `doubled`.
    """

    topic: str
    bronze: int
    silver: int
    duplicates: int
    quarantined: int
    in_flight: int
    gaps: int
    doubled: int

    @property
    def missing(self) -> int:
        """Records that all queries have passed and that are nowhere, and offsets that bronze has
        skipped.
        """
        return self.bronze - self.silver - self.duplicates - self.quarantined - self.in_flight + self.gaps

    @property
    def holds(self) -> bool:
        """Say whether every record is where it belongs, once."""
        return not (self.missing or self.doubled)


def balance(
    topic: str, bronze: DataFrame, refined: DataFrame, silver: DataFrame, quarantine: DataFrame, reached: DataFrame
) -> Balance:
    """Count where the records of one topic are.

    bronze: (partition, offset); refined: what `refine` makes of the same records; silver,
    quarantine: the tables; reached: (partition, until), the offset before which silver and
    quarantine have both done their work. A record that was quarantined counts as silver once it is
    rebuilt, and as a duplicate once its event is in silver.
    """
    in_bronze, in_silver = bronze.select(*RECORD).distinct(), _places(silver).select(*RECORD).distinct()
    copies = _places(refined).join(in_silver, RECORD, "left_anti")
    duplicates = copies.join(silver.select("event_id"), "event_id", "left_semi").select(*RECORD).distinct()
    refused = quarantine.filter(F.col("topic") == topic).select(*RECORD).distinct()
    in_quarantine = refused.join(in_silver, RECORD, "left_anti").join(duplicates, RECORD, "left_anti")
    places = {"silver": in_silver, "duplicates": duplicates, "quarantined": in_quarantine}
    counted = in_bronze
    for place, records in places.items():
        counted = counted.join(records.withColumn(place, F.lit(1)), RECORD, "left")
    nowhere = F.coalesce(*places).isNull() & (F.col("offset") >= F.coalesce("until", F.lit(0)))
    sums = counted.join(F.broadcast(reached), "partition", "left").agg(
        *(F.count(place).alias(place) for place in places),
        F.count(F.when(nowhere, 1)).alias("in_flight"),
    )
    held, gaps = _extent(in_bronze)
    doubled = _doubled(bronze) + _doubled(_places(silver))
    return Balance(topic=topic, bronze=held, gaps=gaps, doubled=doubled, **sums.collect()[0].asDict())


def _places(rows: DataFrame) -> DataFrame:
    """Return (partition, offset, event_id): where in the topic silver's rows come from."""
    return rows.select(F.col("kafka_partition").alias("partition"), F.col("kafka_offset").alias("offset"), "event_id")


def _extent(records: DataFrame) -> tuple[int, int]:
    """Count the records, and the offsets between a partition's first and last record that are not
    there.
    """
    count = F.count(F.lit(1))
    spans = records.groupBy("partition").agg(
        count.alias("records"), (F.max("offset") - F.min("offset") + 1 - count).alias("gaps")
    )
    row = spans.agg(*(F.coalesce(F.sum(column), F.lit(0)) for column in ("records", "gaps"))).collect()[0]
    return int(row[0]), int(row[1])


def _doubled(rows: DataFrame) -> int:
    """Count the rows above one for each record."""
    return int(rows.agg(F.count(F.lit(1)) - F.count_distinct(*RECORD)).collect()[0][0])
