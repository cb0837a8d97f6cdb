"""Finds duplicates among single records of bronze by decoding them with Spark: what the balance
does with the few that it cannot place by their bytes.
"""

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from pipelines.bronze import events
from pipelines.contracts.contract import Contract
from pipelines.lake import catalog
from pipelines.operations.positions import Positions
from pipelines.silver.refining import Silver, refine

FEW = 500_000  # records that every task may have a copy of


def duplicates_among(spark: SparkSession, silver: Silver, contract: Contract, records: Positions) -> Positions:
    """Return those of the records of a silver table's topic that it accepts and whose event it
    holds.
    """
    bronze = catalog.fresh(spark, events.TABLE).filter(F.col("topic") == F.lit(contract.topic))
    refined = refine(only(bronze, records), contract, silver)
    held = catalog.fresh(spark, silver.TABLE).select("event_id")
    rows = refined.join(held, "event_id", "left_semi").select("kafka_partition", "kafka_offset").toArrow()
    found = Positions()
    found.add(*(column.to_numpy().astype(np.int64) for column in rows.columns))
    return found


def only(rows: DataFrame, records: Positions) -> DataFrame:
    """Return of a topic's rows, with `partition` and `offset`, those of the records."""
    partitions, offsets = records.columns()
    places = pa.table({"partition": pa.array(partitions, pa.int32()), "offset": pa.array(offsets, pa.int64())})
    wanted = rows.sparkSession.createDataFrame(places)
    return rows.join(F.broadcast(wanted) if len(offsets) <= FEW else wanted, ["partition", "offset"], "left_semi")
