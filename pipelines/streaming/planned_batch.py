"""The batch at which a query stands, read again as plain rows: what its checkpoint says was planned
and not committed.
"""

from collections.abc import Mapping

from pyspark.sql import DataFrame, SparkSession

from pipelines.base.settings import settings
from pipelines.kafka import topics
from pipelines.lake import catalog, iceberg
from pipelines.streaming.checkpoints import Checkpoint
from pipelines.streaming.offsets import Offset, TableOffset, TopicOffsets
from pipelines.streaming.reads import read_topic_once
from pipelines.streaming.records import Source
from pipelines.table import Table

Rows = Mapping[Source, DataFrame]


def planned_batch(spark: SparkSession, query: str, sources: tuple[Source, ...]) -> Rows | None:
    """Return the rows of each source that the batch begins with which the query has planned and not
    committed; None where it has none.

    sources: what the query reads, tables in the order in which it names them.
    Of a table these may be some more: whole snapshots, also where the batch begins amid one.
    """
    checkpoint = Checkpoint(spark, query)
    planned = checkpoint.planned()
    if planned is None:
        return None
    done = checkpoint.committed() or [None] * len(planned)
    rows: dict[Source, DataFrame] = {}
    tables = [source for source in sources if isinstance(source, Table)]
    for number, (before, until) in enumerate(zip(done, planned, strict=True)):
        if isinstance(until, TopicOffsets):
            rows |= {topic: _of_topic(spark, topic, before, until) for topic in until.by_topic}
        elif isinstance(until, TableOffset):
            rows[tables[number]] = catalog.ours(_of_table(spark, tables[number], before, until), tables[number])
        else:
            rows[tables[number]] = empty_of(catalog.fresh(spark, tables[number]))
    return rows


def _of_topic(spark: SparkSession, topic: str, before: Offset, until: TopicOffsets) -> DataFrame:
    begun = before.of(topic) if isinstance(before, TopicOffsets) else {}
    there = topics.offsets(settings().kafka, topic)
    # What Kafka has forgotten cannot be read again, not by the query either.
    since = {partition: max(first, begun.get(partition, first)) for partition, (first, _) in there.items()}
    return read_topic_once(spark, topic, since, {**since, **until.of(topic)})


def _of_table(spark: SparkSession, table: Table, before: Offset, until: TableOffset) -> DataFrame:
    reader = spark.read.format("iceberg")
    began = _parent(spark, table, before.snapshot_id) if isinstance(before, TableOffset) and not until.scan_all_files else None
    if began is None:
        return reader.option("versionAsOf", until.snapshot_id).load(catalog.full_name(table))
    window = {"start-snapshot-id": str(began), "end-snapshot-id": str(until.snapshot_id)}
    return reader.options(**window).load(catalog.full_name(table))


def _parent(spark: SparkSession, table: Table, snapshot_id: int) -> int | None:
    """Return the snapshot before one; None where there is none, or it has expired."""
    found = iceberg.loaded(spark, table)
    snapshot = found.snapshot(snapshot_id)
    parent = snapshot.parentId() if snapshot is not None else None
    return int(parent) if parent is not None and found.snapshot(parent) is not None else None


def empty_of(rows: DataFrame) -> DataFrame:
    """Return a source's rows without any of them."""
    return rows.limit(0)
