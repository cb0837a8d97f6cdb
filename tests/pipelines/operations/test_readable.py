"""Offsets of a real topic are told apart: records that were committed, what transactions leave
behind, and what Kafka has dropped.
"""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import numpy as np
import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from pipelines.base.errors import ServiceUnreachable
from pipelines.base.settings import Kafka, Settings
from pipelines.kafka import topics
from pipelines.operations.positions import Positions
from pipelines.operations.readable import ask, oldest_unread

COMMITTED, ABORTED = True, False


def places(*offsets: int) -> Positions:
    found = Positions()
    found.add(np.zeros(len(offsets), np.int64), np.array(offsets, np.int64))
    return found


def offsets(found: Positions) -> list[int]:
    return found.columns()[1].tolist()


def transactions(kafka: Kafka, *outcomes: bool) -> str:
    """A topic of one record for each transaction, and a marker behind each."""
    topic = f"of-a-test.{uuid4()}"
    topics.create_missing(kafka.model_copy(update={"partitions": 1}), (topic,))
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers, "transactional.id": topic})
    producer.init_transactions(60)
    for number, outcome in enumerate(outcomes):
        producer.begin_transaction()
        producer.produce(topic, str(number), partition=0)
        producer.flush(60)
        (producer.commit_transaction if outcome else producer.abort_transaction)(60)
    return topic


@pytest.mark.integration
def test_markers_and_what_was_taken_back_are_no_records(local_stack: Settings) -> None:
    topic = transactions(local_stack.kafka, COMMITTED, ABORTED, COMMITTED)
    answer = ask(local_stack.kafka, topic, places(0, 1, 2, 3, 4))
    assert (offsets(answer.records), offsets(answer.forgotten)) == ([0, 4], [])
    assert offsets(ask(local_stack.kafka, topic, places(1, 2, 3)).records) == []


@pytest.mark.integration
def test_what_kafka_has_dropped_it_cannot_tell(local_stack: Settings) -> None:
    kafka = local_stack.kafka
    topic = transactions(kafka, COMMITTED, COMMITTED, COMMITTED)
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    for dropped in admin.delete_records([TopicPartition(topic, 0, 2)]).values():
        dropped.result(60)
    answer = ask(kafka, topic, places(0, 2, 4, 99))
    assert (offsets(answer.records), offsets(answer.forgotten)) == ([2, 4], [0, 99])


@pytest.mark.integration
def test_the_oldest_unread_record_is_the_first_behind_what_was_reached(local_stack: Settings) -> None:
    kafka = local_stack.kafka
    began = datetime.now(UTC) - timedelta(milliseconds=1)
    topic, other = transactions(kafka, COMMITTED, ABORTED, COMMITTED), transactions(kafka, COMMITTED)
    first = oldest_unread(kafka, {topic: {}, other: {0: 1}})
    assert first.keys() == {topic}, "behind the record of the other there is a marker"
    assert began <= first[topic] <= oldest_unread(kafka, {topic: {0: 2}})[topic] <= datetime.now(UTC)
    assert oldest_unread(kafka, {topic: {0: 5}}) == {}


def test_without_a_broker_it_says_so() -> None:
    with pytest.raises(ServiceUnreachable, match="run `make up`"):
        ask(
            Kafka(bootstrap_servers="127.0.0.1:1", partitions=1, replication_factor=1, retention_hours=1),
            "shop.orders",
            places(0),
        )
