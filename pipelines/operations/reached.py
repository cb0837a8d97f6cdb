"""How far the queries have come: the offsets before which silver and quarantine have both done
their work.
"""

from collections.abc import Mapping, Sequence

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from pipelines.bronze import events
from pipelines.lake import catalog
from pipelines.silver import quarantine
from pipelines.streaming.checkpoints import START, Checkpoint
from pipelines.streaming.offsets import TableOffset, TopicOffsets
from pipelines.table import Table


def reached(spark: SparkSession, tables: Sequence[Table]) -> dict[str, dict[int, int]]:
    """Return, by topic and partition of silver tables, before which offset all is in silver or
    quarantine.
    """
    refined = {str(table.topic): _committed(spark, table) for table in tables}
    examined = _examined(spark)
    return {
        topic: {partition: min(end, ends[partition]) for partition, end in examined.get(topic, {}).items() if partition in ends}
        for topic, ends in refined.items()
    }


def committed(spark: SparkSession, table: Table) -> DataFrame:
    """Return (partition, until) for the topic of a silver table: what lies before `until` its query
    will not read again.
    """
    return spark.createDataFrame(list(_committed(spark, table).items()), "partition int, until bigint")


def _committed(spark: SparkSession, table: Table) -> Mapping[int, int]:
    checkpoint = Checkpoint(spark, table.name)
    recovered = None if checkpoint.committed() else catalog.property_of(spark, table, START)
    topic = str(table.topic)
    return TopicOffsets.from_json(recovered).of(topic) if recovered else checkpoint.committed_of(topic)


def _examined(spark: SparkSession) -> dict[str, dict[int, int]]:
    """Return, by topic and partition, behind which record quarantine last looked in bronze."""
    snapshot = examined_snapshot(spark)
    if snapshot is None:
        return {}
    examined = spark.read.option("versionAsOf", snapshot).table(events.TABLE.name)
    ends: dict[str, dict[int, int]] = {}
    for row in examined.groupBy("topic", "partition").agg((F.max("offset") + 1).alias("until")).collect():
        ends.setdefault(row["topic"], {})[row["partition"]] = row["until"]
    return ends


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
