"""Tells offsets that no reader can see from records that were skipped: transactions leave markers
in a topic, and records that were never committed.
"""

import time
from typing import NamedTuple

import numpy as np
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from pipelines.base.errors import ServiceUnreachable
from pipelines.base.settings import Kafka
from pipelines.kafka import topics
from pipelines.operations.positions import Positions

AT_ONCE = 10_000
AT_MOST_S, WITHIN_S = 0.2, 10.0


class KafkaAnswer(NamedTuple):
    """What Kafka says of offsets: which are records, and which it does not hold any more."""

    records: Positions
    forgotten: Positions


def ask(kafka: Kafka, topic: str, places: Positions) -> KafkaAnswer:
    """Return which of these places in a topic are records to a reader of committed ones, and which
    Kafka cannot tell of.

    Raises ServiceUnreachable when Kafka does not tell, ContractError when there is no such topic.
    """
    there = topics.offsets(kafka, topic)
    begins, ends = ({partition: span[side] for partition, span in there.items()} for side in (0, 1))
    known = places.before(ends) - places.before(begins)
    committed = Positions()
    for partition, (first, last) in known.spans().items():
        found = _committed(kafka, TopicPartition(topic, partition, first), last + 1)
        committed.add(np.full(len(found), partition), np.array(found, np.int64))
    return KafkaAnswer(known & committed, places - known)


def _committed(kafka: Kafka, start: TopicPartition, end: int) -> list[int]:
    """Return the offsets of the committed records of a partition, from `start` to before `end`."""
    servers = {"bootstrap.servers": kafka.bootstrap_servers, "log_level": 0}
    reading = {"isolation.level": "read_committed", "enable.partition.eof": True, "auto.offset.reset": "error"}
    consumer = Consumer({**servers, **reading, "group.id": "tidemark-balance", "enable.auto.commit": False})
    try:
        consumer.assign([start])
        found: list[int] = []
        heard_at = time.monotonic()
        while time.monotonic() - heard_at < WITHIN_S:
            # It waits so long for as many, also when it has the last of them.
            if not (messages := consumer.consume(AT_ONCE, AT_MOST_S)):
                continue
            heard_at = time.monotonic()
            found += [int(message.offset() or 0) for message in messages if message.error() is None]
            if any(_reaches(message, end) for message in messages):
                return [offset for offset in found if offset < end]
    except KafkaException as error:
        raise _untold(kafka, start.topic, error.args[0].str()) from error
    finally:
        consumer.close()
    raise _untold(kafka, start.topic, f"nothing came for {WITHIN_S:g} s")


def _reaches(message: Message, end: int) -> bool:
    """Return whether nothing before `end` comes after this message; raises what is an error."""
    error = message.error()
    if error is not None and error.code() != KafkaError._PARTITION_EOF:
        raise KafkaException(error)
    return error is not None or int(message.offset() or 0) >= end - 1


def _untold(kafka: Kafka, topic: str, why: str) -> ServiceUnreachable:
    return ServiceUnreachable(
        f"Could not read which offsets of {topic} are records from the Kafka broker at {kafka.bootstrap_servers} ({why}): "
        "see whether it runs (make status), then try again."
    )
