"""Puts right what a stream could not: finds the rows that a silver table lacks, and replaces lost
checkpoints.
"""

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from pipelines.base.errors import SettingsError
from pipelines.lake import catalog
from pipelines.operations.reached import committed
from pipelines.silver.refining import absent, once_each
from pipelines.streaming.checkpoints import OWNER, START, TableCheckpoint
from pipelines.streaming.offsets import TopicOffsets
from pipelines.table import Merge, Table


def repairing(table: Table) -> str:
    """Return the name of the work of adding to a table what it lacks: two at once would add it
    twice.
    """
    return f"repair {table.name}"


def lacking(spark: SparkSession, table: Table, refined: DataFrame) -> DataFrame:
    """Return, each event once, the refined rows that a silver table lacks and that its query will
    not bring any more.
    """
    # How far the query is comes before what the table holds: what it commits in between is then in
    # the table, not absent.
    behind = passed(spark, table, refined)
    return absent(once_each(behind), catalog.fresh(spark, table))


def passed(spark: SparkSession, table: Table, refined: DataFrame) -> DataFrame:
    """Return the refined rows that the query of a silver table will not read again."""
    until = committed(spark, table).withColumnRenamed("partition", "kafka_partition")
    return refined.join(F.broadcast(until), "kafka_partition").filter(F.col("kafka_offset") < F.col("until")).drop("until")


def forget_checkpoint(spark: SparkSession, table: Table) -> str:
    """Let a table's query begin a new checkpoint where its rows end, and return in a sentence where
    that is.

    Silver and bronze go on behind the last record they hold. What of it was a duplicate of an older
    row may come once more: gold tables with one row per event or order absorb that, those that sum
    rows count it twice until recomputed.
    Quarantine is emptied and filled again, gold is merged again from silver's beginning. What is
    left of a lost checkpoint is removed. Raises CheckpointError when the checkpoint is there.
    """
    checkpoint = TableCheckpoint(spark, table)
    catalog.ensure(spark, table)
    checkpoint.require_lost(checkpoint.is_lost())
    where = _starting_point(spark, table)
    checkpoint.remove()  # an old state or commit would be taken for the new query's own
    spark.sql(f"ALTER TABLE {table.name} UNSET TBLPROPERTIES IF EXISTS ('{OWNER}')")
    return where


def _starting_point(spark: SparkSession, table: Table) -> str:
    if isinstance(table.written, Merge):
        return f"{table.name} will be merged again from the beginning of {', '.join(table.made_from)}."
    if table.made_from:
        spark.sql(f"TRUNCATE TABLE {table.name}")
        return f"{table.name} is empty and will be filled again from the beginning of {', '.join(table.made_from)}."
    ends = _ends(spark, table)
    catalog.set_property(spark, table, START, ends.to_json())
    return f"{table.name} will go on at {ends.to_json()}, and in partitions that are not named there at their beginning."


def _ends(spark: SparkSession, table: Table) -> TopicOffsets:
    """Return the offset behind the last row, by topic and partition; a partition without rows is
    not there.
    """
    rows = spark.table(table.name)
    if table.topic is not None:
        rows = rows.select(F.lit(table.topic).alias("topic"), "kafka_partition", "kafka_offset")
    else:
        rows = rows.select("topic", F.col("partition").alias("kafka_partition"), F.col("offset").alias("kafka_offset"))
    ends: dict[str, dict[int, int]] = {}
    for row in rows.groupBy("topic", "kafka_partition").agg(F.max("kafka_offset").alias("last")).collect():
        ends.setdefault(row["topic"], {})[row["kafka_partition"]] = row["last"] + 1
    if not ends:
        raise SettingsError(f"{table.name} has no rows to go on from: drop the table and start its query.")
    return TopicOffsets(ends)
