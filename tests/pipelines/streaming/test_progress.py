"""How far a query is behind its topic is read from its checkpoint, and waiting for it ends."""

import threading
from pathlib import Path
from uuid import uuid4

import pytest
from confluent_kafka import Producer
from pyspark.sql import SparkSession

from pipelines.base.errors import ServiceUnreachable, ShuttingDown
from pipelines.base.settings import Settings
from pipelines.kafka import topics
from pipelines.streaming import progress
from pipelines.streaming.checkpoints import Checkpoint
from pipelines.streaming.offsets import TopicOffsets
from pipelines.table import Append, Table


@pytest.mark.parametrize(("committed", "missing"), [({}, 15), ({0: 4}, 11), ({0: 10, 1: 5}, 0), ({0: 99, 1: 4}, 1)])
def test_records_before_the_end_that_are_not_committed_are_missing(committed: dict[int, int], missing: int) -> None:
    assert progress.missing(committed, {0: 10, 1: 5}) == missing


@pytest.fixture
def table(local_stack: Settings, own_settings: Path) -> Table:
    """A table whose topic holds three records."""
    name = f"test.{uuid4().hex}"
    topics.create_missing(local_stack.kafka.model_copy(update={"partitions": 1, "partitions_of": {}}), (name,))
    producer = Producer({"bootstrap.servers": local_stack.kafka.bootstrap_servers})
    for value in (b"a", b"b", b"c"):
        producer.produce(name, value)
    assert producer.flush(30) == 0
    return Table("silver.waited_for", "One row per record.", (), (), Append(), topic=name)


def committed(spark: SparkSession, table: Table, until: int) -> None:
    """Write the checkpoint of a query that has come to an offset."""
    checkpoint = Checkpoint(spark, table.name)
    checkpoint.write("offsets/0", f"v1\n{{}}\n{TopicOffsets({str(table.topic): {0: until}}).to_json()}")
    checkpoint.write("commits/0", "v1\n{}")


@pytest.mark.integration
def test_a_table_that_has_caught_up_is_not_waited_for(spark: SparkSession, table: Table) -> None:
    committed(spark, table, until=3)
    progress.wait(spark, table, patience_s=0.0)


@pytest.mark.integration
def test_a_table_that_does_not_move_is_named_with_what_to_do(spark: SparkSession, table: Table) -> None:
    committed(spark, table, until=1)
    with pytest.raises(ServiceUnreachable, match=r"silver\.waited_for is 2 records behind its topic.*run_all\.py"):
        progress.wait(spark, table, patience_s=0.0)


@pytest.mark.integration
def test_waiting_ends_when_the_process_is_to_stop(spark: SparkSession, table: Table) -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(ShuttingDown):
        progress.wait(spark, table, stop=stop)
