"""Topics are read without waiting for nothing, and a query that lost its checkpoint goes on behind
the rows of its table.
"""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from builders import a_contract, a_review, framed
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from number_tables import run
from pyspark.errors import StreamingQueryException
from pyspark.sql import SparkSession
from waiting import until

from jobs.streams import keep_events
from pipelines.base.errors import CheckpointError
from pipelines.base.settings import Settings, settings
from pipelines.bronze import events
from pipelines.kafka import topics
from pipelines.lake import catalog
from pipelines.operations import repair
from pipelines.silver import reviews
from pipelines.silver.refining import refine
from pipelines.streaming import incarnations, reads, starts, writes
from pipelines.streaming.checkpoints import Checkpoint
from pipelines.table import Table

pytestmark = pytest.mark.integration

REVIEWS = str(reviews.TABLE.topic)


@pytest.fixture
def checkpoints(
    spark: SparkSession, local_stack: Settings, own_settings: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """The folder of this test's checkpoints; its queries look at once and write to new tables."""
    for table in (events.TABLE, reviews.TABLE):
        monkeypatch.setenv(f"TIDEMARK_STREAMS__{table.name.upper()}__TRIGGER", "0 seconds")
        spark.sql(f"DROP TABLE IF EXISTS {table.name}")
    settings.cache_clear()
    yield own_settings / "checkpoints"
    for table in (events.TABLE, reviews.TABLE):
        spark.sql(f"DROP TABLE IF EXISTS {table.name}")


def new_topic() -> str:
    """Create a topic of three partitions."""
    name = f"test.{uuid4().hex}"
    topics.create_missing(settings().kafka.model_copy(update={"partitions": 3}), (name,))
    return name


def send(topic: str, partition: int, value: bytes) -> None:
    producer = Producer({"bootstrap.servers": settings().kafka.bootstrap_servers})
    producer.produce(topic, value, partition=partition)
    assert producer.flush(30) == 0


def lose(spark: SparkSession, checkpoints: Path, table: Table) -> None:
    """Lose the table's checkpoint and recover the table."""
    shutil.rmtree(checkpoints / table.name)
    repair.forget_checkpoint(spark, table)


def in_bronze(spark: SparkSession) -> list[bytes]:
    return sorted(bytes(row["value"]) for row in catalog.fresh(spark, events.TABLE).collect())


def test_bronze_has_every_record_once_after_its_checkpoint_was_lost(spark: SparkSession, checkpoints: Path) -> None:
    busy, empty = new_topic(), new_topic()
    send(busy, 0, b"a")
    send(busy, 1, b"b")
    run(keep_events.start(spark, (busy, empty)))
    lose(spark, checkpoints, events.TABLE)
    send(busy, 1, b"c")
    send(busy, 2, b"d")
    send(empty, 0, b"e")
    run(keep_events.start(spark, (busy, empty)))
    assert in_bronze(spark) == [b"a", b"b", b"c", b"d", b"e"]


def test_bronze_takes_in_a_topic_that_is_added_from_its_beginning(spark: SparkSession, checkpoints: Path) -> None:
    first, added = new_topic(), new_topic()
    send(first, 0, b"a")
    send(added, 0, b"b")
    run(keep_events.start(spark, (first,)))
    assert in_bronze(spark) == [b"a"]
    send(first, 0, b"c")
    run(keep_events.start(spark, (first, added)))
    assert in_bronze(spark) == [b"a", b"b", b"c"]


def make_anew(topic: str) -> None:
    """Delete a topic and make another one of its name."""
    admin = AdminClient({"bootstrap.servers": settings().kafka.bootstrap_servers})
    admin.delete_topics([topic])[topic].result()
    until(lambda: topic not in admin.list_topics(timeout=10).topics, "the topic is gone")
    topics.create_missing(settings().kafka.model_copy(update={"partitions": 3}), (topic,))


def test_what_kafka_has_dropped_is_passed_over_by_a_recovered_query(spark: SparkSession, checkpoints: Path) -> None:
    topic = new_topic()
    for value in (b"a", b"b"):
        send(topic, 0, value)
    run(keep_events.start(spark, (topic,)))
    send(topic, 0, b"never read")
    at = TopicPartition(topic, 0, 3)
    admin = AdminClient({"bootstrap.servers": settings().kafka.bootstrap_servers})
    admin.delete_records([at])[at].result()
    send(topic, 0, b"c")
    with pytest.raises(StreamingQueryException, match=r"data may have been lost|DATA_LOSS"):
        run(keep_events.start(spark, (topic,)))
    repair.recover(spark, events.TABLE)
    run(keep_events.start(spark, (topic,)))
    assert in_bronze(spark) == [b"a", b"b", b"c"]


def test_of_two_topics_only_the_one_that_was_made_anew_is_read_from_its_beginning(
    spark: SparkSession, checkpoints: Path
) -> None:
    same, other = new_topic(), new_topic()
    for topic in (same, other):
        send(topic, 0, topic.encode())
    run(keep_events.start(spark, (same, other)))
    make_anew(other)
    for value in (b"x", b"y"):  # more than there were
        send(other, 0, value)
    with pytest.raises(CheckpointError, match=rf"{other} was made anew.*make recover TABLE=bronze\.events"):
        keep_events.start(spark, (same, other))
    repair.recover(spark, events.TABLE)
    run(keep_events.start(spark, (same, other)))
    assert in_bronze(spark) == sorted([same.encode(), other.encode(), b"x", b"y"])


def test_no_batch_waits_for_a_broker_that_has_nothing_new(spark: SparkSession, checkpoints: Path) -> None:
    rows = reads.read_topics(spark, [new_topic()], events.TABLE.name)
    options = rows._jdf.queryExecution().analyzed().collectLeaves().head().extraOptions()
    assert int(options.get("kafka.fetch.max.wait.ms")) < 50, "Kafka's own default is 500"


@pytest.mark.parametrize(("first", "rank"), [("true", writes.HIGHEST_RANK), ("false", 5)])
def test_a_query_that_somebody_waits_for_comes_before_the_others(
    spark: SparkSession, checkpoints: Path, monkeypatch: pytest.MonkeyPatch, first: str, rank: int
) -> None:
    monkeypatch.setenv(f"TIDEMARK_STREAMS__{events.TABLE.name.upper()}__FIRST", first)
    settings.cache_clear()
    query = keep_events.start(spark, (new_topic(),))
    try:
        assert query._jsq.streamingQuery().queryExecutionThread().getPriority() == rank
    finally:
        query.stop()


def refine_reviews(spark: SparkSession, table: Table) -> list[str]:
    """Take the reviews of the table's topic into the table, and return the events in it."""
    contract = replace(a_contract(REVIEWS), topic=str(table.topic))
    rows = refine(reads.read_topics_of(spark, table, str(table.topic)), contract, reviews)
    run(writes.append(starts.only_new(reads.deduplicate(rows, table), table), table))
    return sorted(row["event_id"] for row in catalog.fresh(spark, table).collect())


def review(table: Table, event_id: str, partition: int = 0) -> None:
    """Send a review to the table's topic."""
    send(str(table.topic), partition, framed(REVIEWS, a_review(event_id=event_id)))


def test_silver_goes_on_in_partitions_that_it_has_no_row_of(spark: SparkSession, checkpoints: Path) -> None:
    table = replace(reviews.TABLE, topic=new_topic())
    review(table, "a", partition=1)
    refine_reviews(spark, table)
    lose(spark, checkpoints, table)
    review(table, "b")
    assert refine_reviews(spark, table) == ["a", "b"]


def test_copies_around_a_lost_checkpoint_are_dropped(spark: SparkSession, checkpoints: Path) -> None:
    table = replace(reviews.TABLE, topic=new_topic())
    for event_id in ("a", "b", "a"):
        review(table, event_id)
    assert refine_reviews(spark, table) == ["a", "b"]
    lose(spark, checkpoints, table)
    for event_id in ("b", "c"):
        review(table, event_id)
    assert refine_reviews(spark, table) == ["a", "b", "c"]


def test_a_topic_that_was_made_anew_is_read_from_its_beginning(spark: SparkSession, checkpoints: Path) -> None:
    table = replace(reviews.TABLE, topic=new_topic())
    old, new = [f"old{n}" for n in range(5)], [f"new{n:02}" for n in range(20)]
    for event_id in old:
        review(table, event_id)
    assert refine_reviews(spark, table) == old
    make_anew(str(table.topic))
    for event_id in new:
        review(table, event_id)
    with pytest.raises(CheckpointError, match=r"was made anew.*make recover TABLE=silver\.reviews"):
        refine_reviews(spark, table)
    repair.recover(spark, table)
    assert refine_reviews(spark, table) == sorted(old + new)

    (before, after) = incarnations.remembered(spark, table)[str(table.topic)]
    assert before.topic_id != after.topic_id
    arrivals = {
        row["event_id"]: row["us"]
        for row in spark.table(table.name).selectExpr("event_id", "unix_micros(kafka_at) us").collect()
    }
    assert max(arrivals[each] for each in old) < after.since_us <= min(arrivals[each] for each in new)

    lose(spark, checkpoints, table)  # and it knows which rows are of which
    review(table, "newest")
    assert refine_reviews(spark, table) == sorted([*old, *new, "newest"])


def forget_tail(spark: SparkSession, table: Table, first: int, *event_ids: str) -> None:
    """Have the table hold rows of records, from an offset on, that Kafka has lost: the table is
    ahead.
    """
    held = catalog.fresh(spark, table)
    row = held.limit(1).collect()[0].asDict()
    at = datetime.now(UTC)
    rows = [{**row, "event_id": name, "kafka_offset": first + n, "kafka_at": at} for n, name in enumerate(event_ids)]
    spark.createDataFrame([tuple(each[name] for name in held.columns) for each in rows], held.schema).writeTo(
        table.name
    ).append()


@pytest.mark.parametrize("new", [(), ("c", "d", "e")], ids=["nothing new yet", "overgrown"])
def test_a_topic_that_lost_its_tail_is_read_on_at_its_end(spark: SparkSession, checkpoints: Path, new: tuple[str, ...]) -> None:
    table = replace(reviews.TABLE, topic=new_topic())
    for event_id in ("a", "b"):
        review(table, event_id)
    refine_reviews(spark, table)
    forget_tail(spark, table, 2, "lost1", "lost2")
    for event_id in new:
        review(table, event_id)
    lose(spark, checkpoints, table)
    held = ["a", "b", "lost1", "lost2"]
    assert refine_reviews(spark, table) == sorted([*held, *new])
    review(table, "f")
    assert refine_reviews(spark, table) == sorted([*held, *new, "f"])
    assert len(incarnations.remembered(spark, table)[str(table.topic)]) == 2


def test_a_query_that_writes_no_table_notices_a_topic_that_was_made_anew(spark: SparkSession, checkpoints: Path) -> None:
    topic, query = new_topic(), "tidemark.fraud_scores"
    ids = topics.ids(settings().kafka, [topic])
    incarnations.require_same_for_query(spark, query, ids)
    Checkpoint(spark, query).write("offsets/0", "v1\n{}\n{}")
    incarnations.require_same_for_query(spark, query, ids)
    make_anew(topic)
    with pytest.raises(CheckpointError, match=rf"{topic} was made anew.*make recover TABLE=tidemark\.fraud_scores"):
        incarnations.require_same_for_query(spark, query, topics.ids(settings().kafka, [topic]))
    assert starts.is_elsewhere(Checkpoint(spark, query), incarnations.remembered_by_query(Checkpoint(spark, query)))
