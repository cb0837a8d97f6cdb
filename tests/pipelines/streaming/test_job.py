"""The queries of a topic that gets a new schema start again, and then read it; all others, and all
while no registry answers, go on.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from uuid import uuid4

import pytest
from builders import a_review, written
from confluent_kafka import Producer
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.streaming.query import StreamingQuery
from structlog.testing import capture_logs
from waiting import until

from pipelines.base.settings import Settings, settings
from pipelines.contracts import schemas
from pipelines.contracts.avro import decode
from pipelines.contracts.contract import contract_of
from pipelines.kafka import schema_registry, topics
from pipelines.streaming import job, reads
from pipelines.streaming.schema_watch import SchemaWatch
from pipelines.streaming.supervised_query import Query, SupervisedQuery

REVIEWS = "shop.reviews"
Write = Callable[[DataFrame, int], None]
Runs = dict[str, list[str]]


@pytest.fixture(autouse=True)
def _looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "LOOK_EVERY_S", 0.1)
    monkeypatch.setattr(job, "SchemaWatch", partial(SchemaWatch, every_s=0.1))
    monkeypatch.setattr(schema_registry, "_known", {})


@contextmanager
def supervised_queries(
    spark: SparkSession, folder: Path, *queries: tuple[str, Callable[[], DataFrame], Write]
) -> Iterator[Runs]:
    """Supervise queries as a job does, each with the topic that it decodes, and yield the ids of
    their runs by topic; at the end they have failed in none.
    """
    runs: Runs = {topic: [] for topic, _, _ in queries}

    def start(_: SparkSession, topic: str, read: Callable[[], DataFrame], write: Write) -> StreamingQuery:
        writer = read().writeStream.foreachBatch(write).option("checkpointLocation", str(folder / topic))
        query = writer.start()
        runs[topic].append(str(query.runId))
        return query

    ending = threading.Event()
    supervised = [
        SupervisedQuery(
            spark, Query(f"of {topic}", partial(start, topic=topic, read=read, write=write), topics=(topic,)), ending
        )
        for topic, read, write in queries
    ]
    supervisor = threading.Thread(target=job.supervise, args=(spark, supervised, ending))
    supervisor.start()
    try:
        yield runs
    finally:
        ending.set()
        for thread in (supervisor, *(each.thread for each in supervised)):
            thread.join(60)
    assert [each.failure for each in supervised] == [None] * len(queries)


@pytest.fixture
def topic(local_stack: Settings) -> str:
    """A new topic, for records that the contract of shop.reviews describes."""
    schema_registry.register_contracts()
    name = f"test.{uuid4().hex}"
    topics.create_missing(local_stack.kafka, (name,))
    return name


@pytest.fixture
def newer(topic: str) -> str:
    """A schema of shop.reviews that nobody has registered yet: one field more than ours."""
    tree = json.loads(schemas.reader(REVIEWS))
    tree["fields"].append({"name": f"votes_{uuid4().hex}", "type": ["null", "int"], "default": None})
    return json.dumps(tree)


def send(topic: str, event_id: str, schema: str, schema_id: int) -> None:
    producer = Producer({"bootstrap.servers": settings().kafka.bootstrap_servers})
    producer.produce(topic, written(a_review(event_id=event_id), schema, schema_id))
    assert producer.flush(30) == 0


@pytest.mark.integration
def test_a_schema_that_is_registered_while_a_query_runs_is_read_after_a_new_start(
    spark: SparkSession, topic: str, newer: str, tmp_path: Path
) -> None:
    seen: list[str | None] = []

    def decoded() -> DataFrame:
        known = schema_registry.contract(REVIEWS)
        records = spark.readStream.format("kafka").options(**reads.kafka_options(settings().kafka))
        values = records.options(subscribe=topic, startingOffsets="earliest").load()
        return values.select(decode(F.col("value"), known)["event_id"].alias("event_id"))

    def note(batch: DataFrame, batch_id: int) -> None:
        seen.extend(row["event_id"] for row in batch.collect())

    def no_more(batch: DataFrame, batch_id: int) -> None:
        """Write nothing."""

    clicks = ("shop.clicks", spark.readStream.format("rate").load, no_more)
    with supervised_queries(spark, tmp_path, (REVIEWS, decoded, note), clicks) as runs:
        schema_registry.contract("shop.clicks")
        send(topic, "before", schemas.reader(REVIEWS), schema_registry.newest_id(REVIEWS))
        until(lambda: seen == ["before"], "the known schema is read")
        (new_id,) = schema_registry._register(REVIEWS, (newer,))
        until(lambda: len(runs[REVIEWS]) == 2, "the query has started again")
        send(topic, "after", newer, new_id)
        until(lambda: len(seen) == 2, "the record in the new schema has come")
    assert seen == ["before", "after"]
    assert [len(runs[of]) for of in (REVIEWS, "shop.clicks")] == [2, 1]


@pytest.mark.usefixtures("no_registry")
def test_without_a_registry_queries_go_on_with_a_warning(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches: list[int] = []
    known, _ = contract_of(REVIEWS, [schemas.reader(REVIEWS)], {})
    monkeypatch.setattr(schema_registry, "_known", {REVIEWS: (known, [])})
    rates = (REVIEWS, spark.readStream.format("rate").load, lambda _, number: batches.append(number))
    with capture_logs() as logs, supervised_queries(spark, tmp_path, rates) as runs:
        until(lambda: any(each["event"] == "registry_not_watched" for each in logs), "the registry is missed")
        before = len(batches)
        until(lambda: len(batches) > before + 1, "the query goes on")
    (warning, *_) = [each for each in logs if each["event"] == "registry_not_watched"]
    assert warning["log_level"] == "warning"
    assert "no schema registry answers at http://127.0.0.1:1" in warning["error"]
    assert len(runs[REVIEWS]) == 1


def test_all_threads_together_are_waited_for_so_long_and_no_longer() -> None:
    ends = threading.Event()
    threads = [threading.Thread(target=ends.wait, daemon=True) for _ in range(20)]
    for thread in threads:
        thread.start()
    began = time.monotonic()
    job.join(threads, within_s=1.0)
    assert time.monotonic() - began < 20 * 1.0, "one after the other it would be so long each"
    assert all(thread.is_alive() for thread in threads)
    ends.set()
    job.join(threads, within_s=60.0)
    assert not any(thread.is_alive() for thread in threads)
