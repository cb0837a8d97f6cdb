"""Where the query of a table begins in its topics: at their beginning, or, where its checkpoint was
replaced, behind the rows that the table holds, if these are still what Kafka has.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from pipelines.base import logs
from pipelines.base.settings import settings
from pipelines.bronze import events
from pipelines.kafka import topics
from pipelines.lake import catalog
from pipelines.streaming import incarnations
from pipelines.streaming.checkpoints import START, Checkpoint
from pipelines.streaming.incarnations import History, Incarnation
from pipelines.streaming.intervals import milliseconds
from pipelines.streaming.offsets import TopicOffsets
from pipelines.table import Table

log = logs.get(__name__)

EARLIEST = -2  # the offset by which Spark's Kafka source means the earliest there is


class LastRow(NamedTuple):
    """The row of a partition with the highest offset, and when its record arrived, in microseconds
    since 1970.
    """

    offset: int
    arrived_us: int


LastRows = Mapping[str, Mapping[int, LastRow]]  # by topic and partition


def begin(spark: SparkSession, table: Table, wanted: Sequence[str]) -> str:
    """Return where the query of a table is to begin in its topics, as Spark's Kafka source reads
    it, and have the table remember which incarnations of them it reads.

    Spark heeds it only while there is no checkpoint. Raises CheckpointError where there is one, and
    a topic was made anew.
    """
    history = incarnations.remembered(spark, table)
    ids = topics.ids(settings().kafka, wanted)
    if Checkpoint(spark, table.name).numbers("offsets"):
        incarnations.require_same(table.name, history, ids)
    unknown = {topic: [Incarnation(ids[topic], 0)] for topic in wanted if topic not in history}
    recovered = catalog.property_of(spark, table, START)
    if Checkpoint(spark, table.name).numbers("offsets") or not (recovered or incarnations.made_anew(history, ids)):
        if unknown:
            incarnations.remember(spark, table, {**history, **unknown})
        return "earliest"
    return _begin_again(spark, table, {**history, **unknown}, ids).to_json()


def is_elsewhere(checkpoint: Checkpoint, history: History) -> bool:
    """Return whether topics were made anew since a query has read them, or do not hold any more
    what comes behind the last record that it has read.
    """
    kafka = settings().kafka
    if not history:
        return False  # it has never seen Kafka
    if incarnations.made_anew(history, topics.ids(kafka, list(history))):
        return True
    return any(_is_outside(checkpoint.committed_of(topic), topics.offsets(kafka, topic)) for topic in history)


def _is_outside(committed: Mapping[int, int], there: Mapping[int, tuple[int, int]]) -> bool:
    nowhere = (0, -1)
    spans = ((at, *there.get(partition, nowhere)) for partition, at in committed.items())
    return not all(first <= at <= end for at, first, end in spans)


def _begin_again(spark: SparkSession, table: Table, history: History, ids: Mapping[str, str]) -> TopicOffsets:
    """Return where to begin in every partition: Spark refuses offsets that leave one out."""
    rows = last_rows(spark, table, history)
    recovered = TopicOffsets.from_json(catalog.property_of(spark, table, START) or "{}")
    horizon = settings().stream(table.name).horizon
    horizon_ms = milliseconds(spark, horizon) if horizon else None
    starts: dict[str, dict[int, int]] = {}
    places: dict[str, dict[int, int]] = {}
    known = dict(history)
    for topic, topic_id in ids.items():
        is_anew = bool(incarnations.made_anew(history, {topic: topic_id}))
        of_topic = {} if is_anew else rows.get(topic, {})
        behind_rows = {partition: _place(topic, partition, row) for partition, row in of_topic.items()}
        places[topic] = {} if is_anew else {**recovered.of(topic), **behind_rows}
        without_tail = [partition for partition, place in behind_rows.items() if place != of_topic[partition].offset + 1]
        if is_anew or without_tail:
            log.warning("topic_is_another", table=table.name, topic=topic, made_anew=is_anew, without_tail=without_tail)
            known[topic] = [*history[topic], Incarnation(topic_id, _boundary(spark, table, topic, history))]
        starts[topic] = {
            partition: _first_read(topic, partition, places[topic].get(partition), of_topic.get(partition), horizon_ms)
            for partition in topics.offsets(settings().kafka, topic)
        }
    incarnations.remember(spark, table, known)
    catalog.set_property(spark, table, START, TopicOffsets(places).to_json())
    return TopicOffsets(starts)


def _place(topic: str, partition: int, row: LastRow) -> int:
    """Return the offset behind a table's last row of a partition or, where Kafka has another record
    there or none any more, of the first record that arrived later than that row.
    """
    kafka = settings().kafka
    first, end = topics.offsets(kafka, topic)[partition]
    is_dropped = row.offset < first
    appended_ms = None if is_dropped else topics.appended_ms(kafka, topic, partition, row.offset, end)
    if is_dropped or (appended_ms is not None and events.kept_ms(appended_ms) == row.arrived_us // 1000):
        return row.offset + 1
    return topics.first_since(kafka, topic, partition, row.arrived_us // 1000 + 1)


def _first_read(topic: str, partition: int, place: int | None, row: LastRow | None, horizon_ms: int | None) -> int:
    """Return where to read from to go on at a place: one horizon earlier, so that deduplication
    knows the ids that it has to.
    """
    kafka = settings().kafka
    if place is None:
        return EARLIEST
    first, end = topics.offsets(kafka, topic)[partition]
    if not first <= place <= end:
        log.warning("offset_not_in_kafka", topic=topic, partition=partition, wanted=place, first=first, end=end)
        return EARLIEST if place < first else end
    if horizon_ms is None or row is None:
        return place
    return min(place, topics.first_since(kafka, topic, partition, row.arrived_us // 1000 - horizon_ms))


def _boundary(spark: SparkSession, table: Table, topic: str, history: History) -> int:
    """Return a time, in microseconds since 1970, behind the last record of the incarnations known,
    by what this table and bronze hold.
    """
    held = [table]
    if spark.catalog.tableExists(catalog.full_name(events.TABLE)):
        catalog.fresh(spark, events.TABLE)
        in_bronze = incarnations.remembered(spark, events.TABLE).get(topic, [])
        if len(in_bronze) > len(history[topic]):
            return in_bronze[len(history[topic])].since_us
        held.append(events.TABLE)
    last = [_latest_us(rows_by_topic(catalog.fresh(spark, each), each), topic) for each in held]
    return max(last) + 1


def _latest_us(rows: DataFrame, topic: str) -> int:
    latest = rows.filter(F.col("topic") == topic).agg(F.unix_micros(F.max("arrived_at")).alias("us")).head()
    return int(latest["us"] or 0) if latest else 0


def last_rows(spark: SparkSession, table: Table, history: History) -> LastRows:
    """Return the last row of each partition, of the newest incarnation of its topic that the table
    knows; partitions without rows are not there.
    """
    rows = rows_by_topic(catalog.fresh(spark, table), table)
    for topic, known in history.items():
        rows = rows.filter((F.col("topic") != topic) | (F.unix_micros("arrived_at") >= known[-1].since_us))
    last = F.max(F.struct("offset", F.unix_micros("arrived_at").alias("us")))
    found: dict[str, dict[int, LastRow]] = {}
    for row in rows.groupBy("topic", "partition").agg(last.alias("last")).collect():
        found.setdefault(row["topic"], {})[row["partition"]] = LastRow(*row["last"])
    return found


def rows_by_topic(rows: DataFrame, table: Table) -> DataFrame:
    """Return (topic, partition, offset, arrived_at) of a table that is made from topics."""
    if table.topic is None:
        return rows.select("topic", "partition", "offset", F.col("timestamp").alias("arrived_at"))
    lineage = {"kafka_partition": "partition", "kafka_offset": "offset", "kafka_at": "arrived_at"}
    return rows.select(F.lit(table.topic).alias("topic"), *(F.col(name).alias(new) for name, new in lineage.items()))


def only_new(rows: DataFrame, table: Table) -> DataFrame:
    """Return of a silver table's rows those behind the ones that it held when its query was
    recovered: what was read before these was read for its ids only.
    """
    recovered = catalog.property_of(rows.sparkSession, table, START)
    for partition, place in TopicOffsets.from_json(recovered or "{}").of(str(table.topic)).items():
        rows = rows.filter((F.col("kafka_partition") != partition) | (F.col("kafka_offset") >= place))
    return rows
