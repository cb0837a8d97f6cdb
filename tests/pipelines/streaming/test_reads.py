"""Topics are read without waiting for nothing, and a query that lost its checkpoint goes on behind
the rows of its table.
"""

import shutil
from collections.abc import Iterator
from dataclasses import replace
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
from pipelines.base.settings import Settings, settings
from pipelines.bronze import events
from pipelines.kafka import topics
from pipelines.operations import repair
from pipelines.silver import reviews
from pipelines.silver.refining import refine
from pipelines.streaming import reads, writes
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
    return sorted(bytes(row["value"]) for row in spark.table(events.TABLE.name).collect())


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


@pytest.mark.parametrize("made_anew", [False, True], ids=["retention", "topic made anew"])
def test_what_kafka_does_not_have_is_passed_over_by_a_recovered_query(
    spark: SparkSession, checkpoints: Path, made_anew: bool
) -> None:
    topic = new_topic()
    for value in (b"a", b"b"):
        send(topic, 0, value)
    run(keep_events.start(spark, (topic,)))
    admin = AdminClient({"bootstrap.servers": settings().kafka.bootstrap_servers})
    if made_anew:
        admin.delete_topics([topic])[topic].result()
        until(lambda: topic not in admin.list_topics(timeout=10).topics, "the topic is gone")
        topics.create_missing(settings().kafka.model_copy(update={"partitions": 3}), (topic,))
    else:
        send(topic, 0, b"never read")
        at = TopicPartition(topic, 0, 3)
        admin.delete_records([at])[at].result()
    send(topic, 0, b"c")
    with pytest.raises(StreamingQueryException, match=r"data may have been lost|DATA_LOSS"):
        run(keep_events.start(spark, (topic,)))
    lose(spark, checkpoints, events.TABLE)
    run(keep_events.start(spark, (topic,)))
    assert in_bronze(spark) == [b"a", b"b", b"c"]


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


def refine_reviews(spark: SparkSession, table: Table) -> None:
    """Take the reviews of the table's topic into the table."""
    contract = replace(a_contract(REVIEWS), topic=str(table.topic))
    run(writes.append(refine(reads.read_topics_of(spark, table, str(table.topic)), contract, reviews), table))


def test_silver_goes_on_in_partitions_that_it_has_no_row_of(spark: SparkSession, checkpoints: Path) -> None:
    table = replace(reviews.TABLE, topic=new_topic())
    send(str(table.topic), 1, framed(REVIEWS, a_review(event_id="a")))
    refine_reviews(spark, table)
    lose(spark, checkpoints, table)
    send(str(table.topic), 0, framed(REVIEWS, a_review(event_id="b")))
    refine_reviews(spark, table)
    assert sorted(row["event_id"] for row in spark.table(table.name).collect()) == ["a", "b"]
