"""Puts right what a stream could not: finds the rows that a silver table lacks, and replaces lost
checkpoints.
"""

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from pipelines.base.errors import SettingsError
from pipelines.lake import catalog
from pipelines.operations.reached import committed
from pipelines.silver.refining import absent, one_per_id
from pipelines.streaming import incarnations, starts
from pipelines.streaming.checkpoints import OWNER, START, TableCheckpoint
from pipelines.streaming.damage import damaged, step_over
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
    return absent(one_per_id(behind), catalog.fresh(spark, table))


def passed(spark: SparkSession, table: Table, refined: DataFrame) -> DataFrame:
    """Return the refined rows that the query of a silver table will not read again."""
    until = committed(spark, table).withColumnRenamed("partition", "kafka_partition")
    history = incarnations.remembered(spark, table).get(str(table.topic))
    # What came before the topic was made anew comes no more, whatever its offset.
    is_of_before = F.unix_micros("kafka_at") < (history[-1].since_us if history else 0)
    is_passed = F.col("kafka_offset") < F.coalesce("until", F.lit(0))
    return refined.join(F.broadcast(until), "kafka_partition", "left").filter(is_of_before | is_passed).drop("until")


def recover(spark: SparkSession, table: Table) -> str:
    """Let the query of a table go on whose checkpoint is lost, damaged, or counts in a topic that
    is not there any more; return in a sentence what was found and where it goes on.

    A damaged file is stepped over where that loses nothing and doubles nothing; else the query
    starts over (`forget_checkpoint`). Raises CheckpointError when there is nothing to recover.
    """
    catalog.ensure(spark, table)
    checkpoint = TableCheckpoint(spark, table)
    found = ", ".join(damaged(checkpoint, is_stopped=True))
    if not found or checkpoint.is_lost():
        return forget_checkpoint(spark, table)
    how = step_over(checkpoint, checkpoint.owner(), checkpoint.last_written(), isinstance(table.written, Merge))
    return f"{found} could not be read: {how or forget_checkpoint(spark, table)}."


def forget_checkpoint(spark: SparkSession, table: Table) -> str:
    """Let a table's query begin a new checkpoint where its rows end, and return in a sentence where
    that is.

    Silver and bronze go on behind the last record they hold. Silver first reads again what came up
    to one horizon before, to know the ids, so that copies are dropped as ever.
    Quarantine is emptied and filled again, gold is merged again from silver's beginning. What is
    left of a checkpoint is removed. Raises CheckpointError when the checkpoint is there and good.
    """
    checkpoint = TableCheckpoint(spark, table)
    catalog.ensure(spark, table)
    is_lost = checkpoint.is_lost() or bool(damaged(checkpoint, is_stopped=True)) or bool(checkpoint.lost_sources())
    checkpoint.require_lost(is_lost or starts.is_elsewhere(checkpoint, incarnations.remembered(spark, table)))
    where = _starting_point(spark, table)
    checkpoint.remove()  # an old state or commit would be taken for the new query's own
    spark.sql(f"ALTER TABLE {table.name} UNSET TBLPROPERTIES IF EXISTS ('{OWNER}')")
    return where


def _starting_point(spark: SparkSession, table: Table) -> str:
    if isinstance(table.written, Merge):
        return f"{table.name} will be merged again from the beginning of {', '.join(table.made_from)}"
    if table.made_from:
        spark.sql(f"TRUNCATE TABLE {table.name}")
        return f"{table.name} is empty and will be filled again from the beginning of {', '.join(table.made_from)}"
    ends = _ends(spark, table)
    catalog.set_property(spark, table, START, ends.to_json())
    return (
        f"{table.name} will go on at {ends.to_json()}, and in partitions that are not named there, or topics that were made "
        "anew, at their beginning"
    )


def _ends(spark: SparkSession, table: Table) -> TopicOffsets:
    """Return the offset behind the last row, by topic and partition; a partition from which the
    table never got a row is not there.
    """
    rows = starts.last_rows(spark, table, incarnations.remembered(spark, table))
    before = TopicOffsets.from_json(catalog.property_of(spark, table, START) or "{}").by_topic
    if not (rows or before):
        raise SettingsError(f"{table.name} has no rows to go on from: drop the table and start its query.")
    return TopicOffsets(
        {
            topic: {**before.get(topic, {}), **{partition: row.offset + 1 for partition, row in rows.get(topic, {}).items()}}
            for topic in {**before, **rows}
        }
    )
