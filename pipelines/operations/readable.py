"""Tells offsets that no reader can see from records that were skipped: transactions leave markers
in a topic, and records that were never committed. And how long records wait that nobody has read.
"""

import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

from pipelines.base.errors import ServiceUnreachable
from pipelines.base.settings import Kafka
from pipelines.bronze import events
from pipelines.kafka import topics
from pipelines.operations.positions import Positions

AT_ONCE = 10_000
# Of each partition only the first record is wanted.
LITTLE = {"queued.min.messages": 1, "fetch.message.max.bytes": 100_000}
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


def oldest_unread(kafka: Kafka, reached: Mapping[str, Mapping[int, int]]) -> dict[str, datetime]:
    """Return by topic when the oldest committed record was appended that lies at or behind the
    offsets `reached` (topic → partition → offset, else the first); topics without one, or whose
    record has no time of arrival, are left out.

    Raises ServiceUnreachable when Kafka does not tell.
    """
    consumer = Consumer({**_reading(kafka), "auto.offset.reset": "earliest", **LITTLE})
    try:
        starts = [
            TopicPartition(topic, partition, offsets.get(partition, OFFSET_BEGINNING))
            for topic, offsets in reached.items()
            for partition in topics.offsets(kafka, topic)
        ]
        consumer.assign(starts)
        times: dict[str, datetime] = {}
        for message in _first_of_each(consumer, {(start.topic, start.partition) for start in starts}):
            if (appended := _appended_at(message)) is not None:
                topic = str(message.topic())
                times[topic] = min(appended, times.get(topic, appended))
        return times
    except KafkaException as error:
        raise _untold(kafka, "the topics", error.args[0].str()) from error
    finally:
        consumer.close()


def _appended_at(message: Message) -> datetime | None:
    """Return when a message was appended; None where what it was stamped with is no such time."""
    appended_ms = events.kept_ms(message.timestamp()[1])
    return datetime.fromtimestamp(appended_ms / 1000, UTC) if appended_ms else None


def _first_of_each(consumer: Consumer, waiting: set[tuple[str, int]]) -> Iterator[Message]:
    """Yield the first message of each of these partitions, of those that have one."""
    heard_at = time.monotonic()
    while waiting:
        if time.monotonic() - heard_at > WITHIN_S:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT, f"nothing came for {WITHIN_S:g} s"))
        for message in consumer.consume(AT_ONCE, AT_MOST_S):
            heard_at = time.monotonic()
            place = (str(message.topic()), int(message.partition() or 0))
            is_first = place in waiting and not _is_end(message)
            waiting.discard(place)
            if is_first:
                consumer.pause([TopicPartition(*place)])
                yield message


def _committed(kafka: Kafka, start: TopicPartition, end: int) -> list[int]:
    """Return the offsets of the committed records of a partition, from `start` to before `end`."""
    consumer = Consumer({**_reading(kafka), "auto.offset.reset": "error"})
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


def _reading(kafka: Kafka) -> dict[str, str | int | bool]:
    """Return the options of a consumer of committed records that leaves no trace."""
    return {
        "bootstrap.servers": kafka.bootstrap_servers,
        "log_level": 0,
        "group.id": "tidemark-balance",
        "enable.auto.commit": False,
        "isolation.level": "read_committed",
        "enable.partition.eof": True,
    }


def _reaches(message: Message, end: int) -> bool:
    """Return whether nothing before `end` comes after this message; raises what is an error."""
    return _is_end(message) or int(message.offset() or 0) >= end - 1


def _is_end(message: Message) -> bool:
    """Return whether a message says that its partition ends here; raises what is an error."""
    error = message.error()
    if error is not None and error.code() != KafkaError._PARTITION_EOF:
        raise KafkaException(error)
    return error is not None


def _untold(kafka: Kafka, topic: str, why: str) -> ServiceUnreachable:
    return ServiceUnreachable(
        f"Could not read which offsets of {topic} are records from the Kafka broker at {kafka.bootstrap_servers} ({why}): "
        "see whether it runs (make status), then try again."
    )
