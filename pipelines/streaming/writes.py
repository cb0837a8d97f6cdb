"""How queries write: rows appended to a table, rows merged into a table, records sent to topics."""

from typing import Any, cast

from pyspark.sql import DataFrame
from pyspark.sql.streaming.query import StreamingQuery
from pyspark.sql.streaming.readwriter import DataStreamWriter

from pipelines.base.settings import settings
from pipelines.kafka import topics
from pipelines.lake import catalog, compaction, layout
from pipelines.lake.merge import merge_into
from pipelines.streaming import jvm, snapshot_expiry
from pipelines.streaming.checkpoints import BATCH, OWNER, TableCheckpoint, TopicCheckpoint
from pipelines.streaming.reads import kafka_options
from pipelines.table import Table

SNAPSHOT_PROPERTY = "spark.sql.iceberg.snapshot-property"
HIGHEST_RANK = 10  # of Java's threads


class BatchFailed(RuntimeError):
    """Why a batch could not be merged, in one line: Spark carries the whole text of what Python
    raises through Java and back, and pages of Java's traces have overflowed its stack there.
    """


def append(rows: DataFrame, table: Table) -> StreamingQuery:
    """Start the query that appends a stream to its table: exactly once per checkpoint, by Iceberg's
    own sink.
    """
    spark = rows.sparkSession
    catalog.ensure(spark, table)
    # A column that a table has got since it was made is its last one, and the sink wants the
    # table's order.
    in_order = rows.select(*(name for name in catalog.columns(spark, table) if name in rows.columns))
    writer = _named(in_order, table.name, TableCheckpoint(spark, table).claim()).format("iceberg").outputMode("append")
    # Sorted by partition, one file is open at a time: a thousand days in a batch would else be a
    # thousand writers at once, for which no heap is large enough. Decoded columns are nullable to
    # Spark; what the table requires is checked row by row as it is written.
    options = {"fanout-enabled": "false", "check-nullability": "false"}
    return _ranked(writer.options(**options).toTable(catalog.full_name(table)))


def upsert(rows: DataFrame, table: Table) -> StreamingQuery:
    """Start the query that merges a stream into its table by key, as the table says.

    The query compacts its table itself, between two merges, because compaction and MERGE conflict.
    """
    spark = rows.sparkSession
    catalog.ensure(spark, table)
    layout.evolve(spark, table)
    checkpoint = TableCheckpoint(spark, table)
    path, owner = checkpoint.claim(), str(checkpoint.owner())

    def merge(batch: DataFrame, batch_id: int) -> None:
        # The snapshot that this batch makes says which query and which batch made it.
        for name, value in ((OWNER, owner), (BATCH, str(batch_id))):
            batch.sparkSession.conf.set(f"{SNAPSHOT_PROPERTY}.{name}", value)
        try:
            merge_into(batch, table)
            # Not in the first batches, for which people wait.
            if (batch_id + 1) % settings().stream(table.name).compact_every == 0:
                compaction.compact(batch.sparkSession, table)
                snapshot_expiry.expire_snapshots(batch.sparkSession, table, readers=())
        except jvm.SPARK_ERRORS as error:
            raise BatchFailed(jvm.innermost(error)) from None

    return _ranked(_named(rows, table.name, path).outputMode("update").foreachBatch(merge).start())


def write_topics(messages: DataFrame, query: str, *others: str) -> StreamingQuery:
    """Start the query that writes a stream of (topic, key, value) to the topic of its name and to
    `others`.

    At least once, so records carry their event_id. Raises CheckpointError when the first topic has
    records and the query has lost its checkpoint.
    """
    topics.require(settings().kafka, [query, *others])
    checkpoint = TopicCheckpoint(messages.sparkSession, query, topics.records_written(settings().kafka, query))
    writer = _named(messages, query, checkpoint.claim()).format("kafka").outputMode("append")
    low_latency = {"kafka.linger.ms": "0", "kafka.acks": "all"}
    return _ranked(writer.options(**kafka_options(settings().kafka), **low_latency).start())


def _named(rows: DataFrame, query: str, checkpoint: str) -> DataStreamWriter:
    trigger = settings().stream(query).trigger
    return rows.writeStream.queryName(query).trigger(processingTime=trigger).option("checkpointLocation", checkpoint)


def _ranked(query: StreamingQuery) -> StreamingQuery:
    """Let the thread that plans a query's batches go before the others' where somebody waits for
    it.

    Java heeds this only where its ranks are those of the operating system, as stack/programs.py
    asks for.
    """
    if settings().stream(query.name or "").first:
        cast(Any, query)._jsq.streamingQuery().queryExecutionThread().setPriority(HIGHEST_RANK)
    return query
