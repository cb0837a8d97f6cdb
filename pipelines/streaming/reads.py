"""What queries read: topics and append-only tables as streams, each with the limits of its
query.
"""

import json
from collections.abc import Mapping, Sequence

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from pipelines.base.errors import SettingsError
from pipelines.base.settings import Kafka, settings
from pipelines.kafka import topics
from pipelines.lake import catalog
from pipelines.streaming import first_batch, skips, starts
from pipelines.streaming.checkpoints import Checkpoint
from pipelines.streaming.intervals import milliseconds
from pipelines.streaming.offsets import TopicOffsets
from pipelines.streaming.records import Record
from pipelines.table import Table

# After a fetch Spark asks where the partition ends. That question waits behind the next fetch,
# which is on its way already and which a broker with nothing new holds back for so long: half a
# second if not set otherwise, in every batch.
FETCH_WAIT_MS = 5
REMEMBERED = "remembered_at"  # the column by which deduplication forgets ids


def read_topics(
    spark: SparkSession, wanted: Sequence[str], query: str, start: str = "earliest", headers: bool = False
) -> DataFrame:
    """Return topics as a stream with Kafka's columns; `start` holds only while the query has no
    checkpoint.

    Only with `headers` are a record's headers there: every row is converted for them. Records that
    the query is to pass over are not among the rows.
    """
    topics.require(settings().kafka, wanted)
    reader = spark.readStream.format("kafka").options(**_committed(settings().kafka))
    limits = {"maxOffsetsPerTrigger": settings().stream(query).rows_per_batch, "kafka.fetch.max.wait.ms": FETCH_WAIT_MS}
    rows = reader.options(**limits, subscribe=",".join(wanted), startingOffsets=start, includeHeaders=headers).load()
    return skips.without(rows, wanted[0], skips.Skips(spark, query).records())


def read_topic_once(spark: SparkSession, topic: str, since: Mapping[int, int], until: Mapping[int, int]) -> DataFrame:
    """Return the records of a topic from the offsets `since` to before those of `until`, by
    partition, with Kafka's columns.
    """
    bounds = {"startingOffsets": since, "endingOffsets": until}
    reader = spark.read.format("kafka").options(**_committed(settings().kafka))
    reader = reader.options(**{option: TopicOffsets({topic: at}).to_json() for option, at in bounds.items()})
    return reader.options(subscribe=topic, includeHeaders="true").load()


def read_record(spark: SparkSession, record: Record) -> DataFrame:
    """Return one record of a topic with Kafka's columns; no row where Kafka has forgotten it."""
    bounds = {"startingOffsets": record.offset, "endingOffsets": record.offset + 1}
    reader = spark.read.format("kafka").options(**_committed(settings().kafka)).option("failOnDataLoss", "false")
    reader = reader.options(
        **{option: TopicOffsets({record.topic: {record.partition: at}}).to_json() for option, at in bounds.items()}
    )
    return reader.options(assign=json.dumps({record.topic: [record.partition]}), includeHeaders="true").load()


def read_topics_of(spark: SparkSession, table: Table, *wanted: str) -> DataFrame:
    """Return the topics that a table is made from, from where `make recover` left its query, or
    else from their beginning.

    Raises CheckpointError where one of them was made anew since the table's query last read it.
    """
    catalog.ensure(spark, table)
    start = starts.begin(spark, table, wanted)
    return read_topics(spark, wanted, table.name, start, headers="headers" in table.column_names)


def kafka_options(kafka: Kafka) -> dict[str, str]:
    """Return the options with which Spark reaches the brokers."""
    return {"kafka.bootstrap.servers": kafka.bootstrap_servers}


def _committed(kafka: Kafka) -> dict[str, str]:
    """Return the options with which Spark reads only what was committed: what a transaction has
    taken back was never said.
    """
    return {**kafka_options(kafka), "kafka.isolation.level": "read_committed"}


def read_table(spark: SparkSession, table: Table, into: Table) -> DataFrame:
    """Return an append-only table as a stream for the query of another table, all of it where that
    has no checkpoint yet.

    Rows that others delete or change (an erasure, a correction by hand) stop no reader and are not
    read again: what was made from them stays as it was. Records that the query is to pass over are
    not among the rows, nor columns that somebody has added to the table.
    """
    catalog.ensure(spark, table)
    at_once = first_batch.rows_in_one_batch(spark, table, into) or settings().stream(into.name).rows_per_batch
    reader = spark.readStream.format("iceberg").option("streaming-max-rows-per-micro-batch", at_once)
    for changes in ("delete", "overwrite"):
        reader = reader.option(f"streaming-skip-{changes}-snapshots", True)
    rows = reader.table(catalog.full_name(table)).select(*table.column_names)
    return skips.without(rows, table, skips.Skips(spark, into.name).records())


def deduplicate(rows: DataFrame, table: Table) -> DataFrame:
    """Return the rows with each event once inside the table's horizon of arrival time; no row is
    ever late.

    By itself Spark drops what is older than its watermark, also rows that are no copies: those of a
    partition whose past is older than another's, or that were stamped before a clock was set right.
    """
    horizon = settings().stream(table.name).horizon
    if horizon is None:
        raise SettingsError(
            f'{table.name} needs a horizon: add horizon = "1 hour" to [streams."{table.name}"] in conf/base.toml.'
        )
    delay_ms = milliseconds(rows.sparkSession, horizon)
    # A clock that was set back is taken to stand still: no batch may be planned before an earlier
    # one.
    stands_at = Checkpoint(rows.sparkSession, table.name).clock_ms(delay_ms) * 1000
    now_us = _apart_from_code(F.greatest(F.unix_micros(F.current_timestamp()), F.lit(stands_at)))
    arrived_us = F.least(F.unix_micros("kafka_at"), now_us)
    watched = rows.withColumn(REMEMBERED, F.timestamp_micros(arrived_us)).withWatermark(REMEMBERED, horizon)
    # By this Spark knows the column of the watermark, which is at most a horizon behind now: what
    # is above that is never late.
    mark = watched.schema[REMEMBERED].metadata
    watermark_us = now_us - delay_ms * 1000
    remembered_us = F.greatest(F.unix_micros(REMEMBERED), watermark_us + 1000)
    never_late = watched.withColumn(REMEMBERED, F.timestamp_micros(remembered_us)).withMetadata(REMEMBERED, mark)
    return never_late.dropDuplicatesWithinWatermark(["event_id"]).drop(REMEMBERED)


def _apart_from_code(number: Column) -> Column:
    """Return a number that is another one in every batch, so that the code for its rows is not.

    Spark writes numbers into the code that it makes for a batch. With the time in it all of the
    decoding and judging was compiled anew every time, and Java ran it slowly, as new. A function
    over an array is no part of that code.
    """
    return F.transform(F.array(number), lambda same: same)[0]


def lateness(query: str) -> str:
    """Return how late an event may come and still count in the query's aggregate."""
    allowed = settings().stream(query).lateness
    if allowed is None:
        raise SettingsError(f'{query} needs a lateness: add lateness = "1 day" to [streams."{query}"] in conf/base.toml.')
    return allowed
