"""Sends events to a topic as the shop's programs do, and reads back what a topic holds, in order of
arrival.
"""

import io
import json
from functools import cache
from typing import Any, NamedTuple

import fastavro
from builders import written
from confluent_kafka import Consumer, Producer, TopicPartition

from pipelines.base.settings import Kafka
from pipelines.contracts import schemas
from pipelines.kafka import schema_registry
from pipelines.kafka.topics import end_offsets


class Record(NamedTuple):
    """An event with where in its topic it lies."""

    partition: int
    offset: int
    event: dict[str, Any]


def send(kafka: Kafka, topic: str, *events: dict[str, Any], key: str = "card_id") -> None:
    """Send events and return once the broker has them, in this order within a key."""
    schema, schema_id = schemas.reader(topic), schema_registry.newest_id(topic)
    producer = _producer(kafka.bootstrap_servers)
    for event in events:
        producer.produce(topic, key=event[key], value=written(event, schema, schema_id))
    assert producer.flush(60) == 0


@cache
def _producer(bootstrap_servers: str) -> Producer:
    """Return the one producer of this process: one that keeps order and doubles nothing takes half
    a second to begin.
    """
    return Producer({"bootstrap.servers": bootstrap_servers, "enable.idempotence": True, "log_level": 0})


def received(kafka: Kafka, topic: str, since: dict[int, int]) -> list[Record]:
    """Return what a topic has got from the offsets `since` on, partition by partition; all is of
    the newest schema.
    """
    schema = fastavro.parse_schema(json.loads(schemas.reader(topic)))
    ends = end_offsets(kafka, topic)
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap_servers, "group.id": "test", "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic, partition, since[partition]) for partition in ends])
    found = [consumer.poll(60) for _ in range(sum(ends[partition] - since[partition] for partition in ends))]
    consumer.close()
    assert all(each is not None and not each.error() for each in found), f"{topic} has more than came within a minute"
    records = [
        Record(each.partition(), each.offset(), fastavro.schemaless_reader(io.BytesIO(each.value()[5:]), schema, schema))
        for each in found
    ]
    return sorted(records, key=lambda each: each[:2])
