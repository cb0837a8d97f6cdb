"""The row balance: bronze rows = silver rows + duplicates + quarantine rows, per topic, for every
record all have seen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from pipelines.bronze import events
from pipelines.kafka.schema_registry import contract
from pipelines.lake import catalog
from pipelines.operations.reached import reached
from pipelines.operations.records import Held, Records, held
from pipelines.silver import quarantine
from pipelines.silver.refining import Silver, refine

RECORD = ["partition", "offset"]
# As many records as every task may keep a copy of, some 100 bytes each.
FEW = 500_000


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


def balances(spark: SparkSession, tables: Sequence[Silver]) -> list[Balance]:
    """Return the balance of the topic of each of the silver tables."""
    # Before the tables, or what they get in between would seem to be missing.
    until = reached(spark, [silver.TABLE for silver in tables])
    bronze = catalog.fresh(spark, events.TABLE)
    in_bronze = held(bronze)
    rows = {str(silver.TABLE.topic): catalog.fresh(spark, silver.TABLE) for silver in tables}
    in_silver = held(reduce(DataFrame.union, (_places(of, topic) for topic, of in rows.items())))
    in_quarantine = held(catalog.fresh(spark, quarantine.TABLE))
    found = []
    for silver in tables:
        topic = str(silver.TABLE.topic)
        kept, refined = in_bronze.get(topic, Held()), in_silver.get(topic, Held())
        records = only(bronze.filter(F.col("topic") == F.lit(topic)), kept.records - refined.records)
        duplicates = copies(refine(records, contract(topic), silver), rows[topic])
        refused = in_quarantine.get(topic, Held()).records
        found.append(balance(topic, kept, refined, duplicates, refused, until.get(topic, {})))
    return found


def balance(topic: str, bronze: Held, silver: Held, duplicates: Records, refused: Records, until: Mapping[int, int]) -> Balance:
    """Count where the records of one topic are.

    until: partition → the offset before which silver and quarantine have both done their work. A
    record that was quarantined counts as silver once it is rebuilt, and as a duplicate once its
    event is in silver.
    """
    in_silver = bronze.records & silver.records
    loose = bronze.records - in_silver
    copied = loose & duplicates
    quarantined = (loose - copied) & refused
    return Balance(
        topic=topic,
        bronze=len(bronze.records),
        silver=len(in_silver),
        duplicates=len(copied),
        quarantined=len(quarantined),
        in_flight=(loose - copied - quarantined).count_from(until),
        gaps=bronze.records.gaps(),
        doubled=bronze.doubled + silver.doubled,
    )


def only(rows: DataFrame, records: Records) -> DataFrame:
    """Return of a topic's rows, with `partition` and `offset`, those of the records."""
    columns: dict[str, list[int]] = {"partition": [], "offset": []}
    for partition, offsets in records.offsets():
        columns["partition"].extend([partition] * len(offsets))
        columns["offset"].extend(offsets.tolist())
    schema = pa.schema([("partition", pa.int32()), ("offset", pa.int64())])
    wanted = rows.sparkSession.createDataFrame(pa.table(columns, schema))
    return rows.join(F.broadcast(wanted) if len(records) <= FEW else wanted, RECORD, "left_semi")


def copies(refined: DataFrame, silver: DataFrame) -> Records:
    """Return those of the refined records whose event silver holds."""
    # Read once, judged once; and few, so that silver's million ids are looked up in them, not they
    # in a million.
    loose = refined.select("event_id", F.col("kafka_partition").alias("partition"), F.col("kafka_offset").alias("offset"))
    loose = loose.localCheckpoint()
    count = loose.count()
    if not count:
        return Records({})
    few = F.broadcast(loose) if count <= FEW else loose
    known = silver.select("event_id").join(few, "event_id", "left_semi").distinct()
    found = loose.join(F.broadcast(known) if count <= FEW else known, "event_id", "left_semi")
    return held(found.withColumn("topic", F.lit(""))).get("", Held()).records


def _places(rows: DataFrame, topic: str) -> DataFrame:
    """Return (topic, partition, offset): where silver's rows come from."""
    return rows.select(
        F.lit(topic).alias("topic"), F.col("kafka_partition").alias("partition"), F.col("kafka_offset").alias("offset")
    )
