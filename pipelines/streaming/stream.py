"""Reads topics and tables as streams and writes them, each query with the name, checkpoint and
limits of its table.
"""

import json
from collections.abc import Sequence
from typing import Any, cast

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.streaming.query import StreamingQuery
from pyspark.sql.streaming.readwriter import DataStreamWriter

from pipelines.base import logs
from pipelines.base.errors import SettingsError
from pipelines.base.settings import Kafka, Stream, settings
from pipelines.kafka import topics
from pipelines.lake import catalog
from pipelines.streaming import checkpoints, first_batch, snapshot_expiry
from pipelines.table import Table

log = logs.get(__name__)

SNAPSHOT_PROPERTY = "spark.sql.iceberg.snapshot-property.tidemark"
# After a fetch Spark asks where the partition ends. That question waits behind the next fetch,
# which is on its way already and which a broker with nothing new holds back for so long: half a
# second if not told otherwise, in every batch.
FETCH_WAIT_MS = 5
HIGHEST_RANK = 10  # of Java's threads
EARLIEST = -2  # the offset by which Spark's Kafka source means the earliest there is


def stream_settings(query: str) -> Stream:
    """Return how a query runs; raises SettingsError when conf/ has no section for it."""
    try:
        return settings().streams[query]
    except KeyError:
        raise SettingsError(f'No settings for the query {query}: add [streams."{query}"] to conf/base.toml.') from None


def read_topics(spark: SparkSession, wanted: Sequence[str], query: str, start: str = "earliest") -> DataFrame:
    """Return topics as a stream with Kafka's columns; `start` holds only while the query has no
    checkpoint.
    """
    topics.require(settings().kafka, wanted)
    reader = spark.readStream.format("kafka").options(**kafka_options(settings().kafka))
    limits = {"maxOffsetsPerTrigger": stream_settings(query).rows_per_batch, "kafka.fetch.max.wait.ms": FETCH_WAIT_MS}
    return reader.options(**limits, subscribe=",".join(wanted), startingOffsets=start, includeHeaders="true").load()


def read_once(spark: SparkSession, topic: str, since: dict[str, int], until: dict[str, int]) -> DataFrame:
    """Return the records of a topic from the offsets `since` to before those of `until`, by
    partition, with Kafka's columns.
    """
    between = {"startingOffsets": json.dumps({topic: since}), "endingOffsets": json.dumps({topic: until})}
    reader = spark.read.format("kafka").options(**kafka_options(settings().kafka), **between)
    return reader.options(subscribe=topic, includeHeaders="true").load()


def read_topic_of(spark: SparkSession, table: Table) -> DataFrame:
    """Return the topic that a table is refined from, from where `make recover` said, or else from
    its beginning.
    """
    return read_topics_of(spark, table, [str(table.topic)])


def read_topics_of(spark: SparkSession, table: Table, wanted: Sequence[str]) -> DataFrame:
    """Return the topics that a table is made from, from where `make recover` said, or else from
    their beginning.
    """
    catalog.ensure(spark, table)
    told = catalog.property_of(spark, table, checkpoints.START)
    return read_topics(spark, wanted, table.name, _starting(json.loads(told), wanted) if told else "earliest")


def _starting(told: dict[str, dict[str, int]], wanted: Sequence[str]) -> str:
    """Return where to begin in every partition of the topics: where it was told, or else at the
    earliest record.

    Spark refuses offsets that leave out a partition, and a table has no row of a partition from
    which nothing came. It fails at offsets that Kafka does not have: of a topic that was made anew,
    or whose retention was shorter than the query was away.
    """
    starts: dict[str, dict[int, int]] = {}
    for topic in wanted:
        for partition, (first, end) in topics.offsets(settings().kafka, topic).items():
            place = told.get(topic, {}).get(str(partition), EARLIEST)
            if place != EARLIEST and not first <= place <= end:
                log.warning("offset_not_in_kafka", topic=topic, partition=partition, wanted=place, first=first, end=end)
                place = EARLIEST
            starts.setdefault(topic, {})[partition] = place
    return json.dumps(starts)


def kafka_options(kafka: Kafka) -> dict[str, str]:
    """Return the options with which Spark reaches the brokers."""
    return {"kafka.bootstrap.servers": kafka.bootstrap_servers}


def read_table(spark: SparkSession, table: Table, into: Table) -> DataFrame:
    """Return an append-only table as a stream for the query of another table, all of it where that
    has no checkpoint yet.
    """
    catalog.ensure(spark, table)
    rows = first_batch.rows_in_one_batch(spark, table, into) or stream_settings(into.name).rows_per_batch
    reader = spark.readStream.format("iceberg").option("streaming-max-rows-per-micro-batch", rows)
    return reader.table(catalog.full_name(table))


def deduplicate(frame: DataFrame, table: Table) -> DataFrame:
    """Return the rows with each event once inside the table's horizon of arrival time."""
    horizon = stream_settings(table.name).horizon
    if horizon is None:
        raise SettingsError(
            f'{table.name} needs a horizon: add horizon = "1 hour" to [streams."{table.name}"] in conf/base.toml.'
        )
    return frame.withWatermark("kafka_at", horizon).dropDuplicatesWithinWatermark(["event_id"])


def lateness(query: str) -> str:
    """Return how late an event may come and still count in the query's aggregate."""
    allowed = stream_settings(query).lateness
    if allowed is None:
        raise SettingsError(f'{query} needs a lateness: add lateness = "1 day" to [streams."{query}"] in conf/base.toml.')
    return allowed


def append(frame: DataFrame, table: Table) -> StreamingQuery:
    """Start the query that appends a stream to its table: exactly once per checkpoint, by Iceberg's
    own sink.
    """
    spark = frame.sparkSession
    catalog.ensure(spark, table)
    # A column that a table has got since it was made is its last one, and the sink wants the
    # table's order.
    in_order = frame.select(*(name for name in catalog.fresh(spark, table).columns if name in frame.columns))
    writer = _named(in_order, table.name, checkpoints.claim(spark, table)).format("iceberg").outputMode("append")
    # Decoded columns are nullable to Spark; what the table requires is checked row by row as it is
    # written.
    return _ranked(writer.options(**{"fanout-enabled": "true", "check-nullability": "false"}).toTable(catalog.full_name(table)))


def upsert(frame: DataFrame, table: Table, newest_by: str | None = None, keep_first: bool = False) -> StreamingQuery:
    """Start the query that merges a stream into its table by key; `merge_into` says which row of a
    key stays.

    The query compacts its table itself, between two merges, because compaction and MERGE conflict.
    """
    spark = frame.sparkSession
    catalog.ensure(spark, table)
    path = checkpoints.claim(spark, table)
    owner = str(catalog.property_of(spark, table, checkpoints.OWNER))

    def merge(batch: DataFrame, batch_id: int) -> None:
        # The snapshot that this batch makes says which query and which batch made it.
        batch.sparkSession.conf.set(f"{SNAPSHOT_PROPERTY}.query-id", owner)
        batch.sparkSession.conf.set(f"{SNAPSHOT_PROPERTY}.batch-id", str(batch_id))
        merge_into(batch, table, newest_by, keep_first)
        if batch_id % stream_settings(table.name).compact_every == 0:
            catalog.compact(batch.sparkSession, table)
            snapshot_expiry.forget_snapshots(batch.sparkSession, table, readers=())

    return _ranked(_named(frame, table.name, path).outputMode("update").foreachBatch(merge).start())


def write_topics(frame: DataFrame, query: str, *others: str) -> StreamingQuery:
    """Start the query that writes a stream of (topic, key, value) to the topic of its name and to
    `others`.

    At least once, so records carry their event_id. Raises CheckpointError when the first topic has
    records and the query has lost its checkpoint.
    """
    topics.require(settings().kafka, [query, *others])
    checkpoints.require_memory(frame.sparkSession, query, answered(query))
    writer = _named(frame, query, checkpoints.folder(query)).format("kafka").outputMode("append")
    low_latency = {"kafka.linger.ms": "0", "kafka.acks": "all"}
    return _ranked(writer.options(**kafka_options(settings().kafka), **low_latency).start())


def answered(topic: str) -> int:
    """Return how many records a topic has got, those that Kafka has dropped since included."""
    return sum(topics.end_offsets(settings().kafka, topic).values())


def _named(frame: DataFrame, query: str, checkpoint: str) -> DataStreamWriter:
    trigger = stream_settings(query).trigger
    return frame.writeStream.queryName(query).trigger(processingTime=trigger).option("checkpointLocation", checkpoint)


def _ranked(query: StreamingQuery) -> StreamingQuery:
    """Let the thread that plans a query's batches go before the others' where somebody waits for
    it.

    Java heeds this only where its ranks are those of the operating system, as stack/programs.py
    asks for.
    """
    if stream_settings(query.name or "").first:
        cast(Any, query)._jsq.streamingQuery().queryExecutionThread().setPriority(HIGHEST_RANK)
    return query


def merge_into(rows: DataFrame, table: Table, newest_by: str | None = None, keep_first: bool = False) -> None:
    """Merge rows into the table by key, so that doing it again changes nothing.

    An arriving row replaces the one that is there: always, or with `newest_by` only where it is
    newer by that column, or with `keep_first` never. Without either, `rows` has one row per key.
    """
    view = f"arriving_{table.name.replace('.', '_')}"
    unique = _one_per_key(rows, table, newest_by) if newest_by or keep_first else rows
    unique.createOrReplaceTempView(view)
    same = " AND ".join(f"t.{column} = s.{column}" for column in table.key)
    newer = f" AND s.{newest_by} > t.{newest_by}" if newest_by else ""
    replace = "" if keep_first else f"WHEN MATCHED{newer} THEN UPDATE SET * "
    rows.sparkSession.sql(f"MERGE INTO {table.name} t USING {view} s ON {same} {replace}WHEN NOT MATCHED THEN INSERT *")


def _one_per_key(rows: DataFrame, table: Table, newest_by: str | None) -> DataFrame:
    everything = F.struct(*table.column_names)
    pick = F.max_by(everything, newest_by) if newest_by else F.min(everything)
    return rows.groupBy(*table.key).agg(pick.alias("row")).select("row.*")
