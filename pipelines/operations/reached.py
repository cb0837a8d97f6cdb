"""How far the queries have come: the offsets before which silver and quarantine have both done
their work.
"""

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from pipelines.bronze import events
from pipelines.lake import catalog
from pipelines.silver import quarantine
from pipelines.streaming.checkpoints import START, Checkpoint
from pipelines.streaming.offsets import TableOffset, TopicOffsets
from pipelines.table import Table


def reached(spark: SparkSession, table: Table) -> DataFrame:
    """Return (partition, until) for the topic of a silver table: what lies before `until` is in
    silver or quarantine.
    """
    silver = committed(spark, table)
    both = silver.join(_quarantine(spark, str(table.topic)), "partition")
    return both.select("partition", F.least(silver["until"], F.col("examined_until")).alias("until"))


def committed(spark: SparkSession, table: Table) -> DataFrame:
    """Return (partition, until) for the topic of a silver table: what lies before `until` its query
    will not read again.
    """
    checkpoint = Checkpoint(spark, table.name)
    recovered = None if checkpoint.committed() else catalog.property_of(spark, table, START)
    topic = str(table.topic)
    ends = TopicOffsets.from_json(recovered).of(topic) if recovered else checkpoint.committed_of(topic)
    return spark.createDataFrame(list(ends.items()), "partition int, until bigint")


def _quarantine(spark: SparkSession, topic: str) -> DataFrame:
    """Return (partition, examined_until): the records of the topic that bronze had when quarantine
    last looked.
    """
    snapshot = examined_snapshot(spark)
    if snapshot is None:
        return spark.createDataFrame([], "partition int, examined_until bigint")
    examined = spark.read.option("versionAsOf", snapshot).table(events.TABLE.name).filter(F.col("topic") == topic)
    return examined.groupBy("partition").agg((F.max("offset") + 1).alias("examined_until"))


def examined_snapshot(spark: SparkSession) -> int | None:
    """Return the newest snapshot of bronze that quarantine has read to its end; None before the
    first.
    """
    offsets = [each for each in Checkpoint(spark, quarantine.TABLE.name).committed() if isinstance(each, TableOffset)]
    if not offsets:
        return None
    at = offsets[0]
    snapshots = catalog.snapshots(spark, events.TABLE).filter(F.col("snapshot_id") == at.snapshot_id)
    row = snapshots.select("parent_id", F.col("summary")["added-data-files"].alias("files")).collect()[0]
    is_read_whole = at.position >= int(row["files"] or 0)
    before: int | None = row["parent_id"]
    return at.snapshot_id if is_read_whole else before
