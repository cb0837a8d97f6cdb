"""Kafka's topics: the ones that have a contract exist, with the partitions, replicas and retention of the settings."""

import threading
import time
from collections.abc import Sequence

from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from pipelines.errors import ContractError, ServiceUnreachable
from pipelines.settings import Kafka

TIMEOUT_S = 10.0
LOOK_EVERY_S = 0.1
HOUR_MS = 3_600_000


def create_missing(kafka: Kafka, wanted: tuple[str, ...]) -> list[str]:
    """Create those of `wanted` that the cluster lacks and return their names once they answer; other topics stay as they are.

    Raises ServiceUnreachable when the broker refuses, or a new topic has no leader for too long.
    """
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers, "log_level": 0})
    try:
        missing = sorted(set(wanted) - set(admin.list_topics(timeout=TIMEOUT_S).topics))
        futures = admin.create_topics([_described(name, kafka) for name in missing]) if missing else {}
        for future in futures.values():
            future.result(TIMEOUT_S)
    except KafkaException as error:
        reason = error.args[0].str()
        raise ServiceUnreachable(
            f"Could not create the topics: the Kafka broker at {kafka.bootstrap_servers} says {reason!r}; run `make up`."
        ) from error
    for name in missing:
        _wait_for_leaders(kafka, name)
    return missing


def _wait_for_leaders(kafka: Kafka, topic: str) -> None:
    """Return once every partition of a new topic answers: for a moment after its creation none has a leader."""
    until = time.monotonic() + TIMEOUT_S
    while not _answers(kafka, topic):
        if time.monotonic() > until:
            raise ServiceUnreachable(
                f"The new topic {topic} has no leader: the Kafka broker at {kafka.bootstrap_servers} says why, look at its log."
            )
        threading.Event().wait(LOOK_EVERY_S)


def _answers(kafka: Kafka, topic: str) -> bool:
    try:
        return len(end_offsets(kafka, topic)) == kafka.partitions_for(topic)
    except ServiceUnreachable:
        return False


def _described(name: str, kafka: Kafka) -> NewTopic:
    return NewTopic(
        name,
        num_partitions=kafka.partitions_for(name),
        replication_factor=kafka.replication_factor,
        config={
            "cleanup.policy": "delete",
            "retention.ms": str(kafka.retention_hours * HOUR_MS),
            # Deduplication has a horizon of arrival time, so records carry the broker's clock.
            "message.timestamp.type": "LogAppendTime",
        },
    )


def require(kafka: Kafka, wanted: Sequence[str]) -> None:
    """Raise ServiceUnreachable without a broker, and ContractError naming the topics of `wanted` that do not exist."""
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers, "log_level": 0})
    try:
        existing = admin.list_topics(timeout=TIMEOUT_S).topics
    except KafkaException as error:
        raise ServiceUnreachable(
            f"No Kafka broker answers at {kafka.bootstrap_servers} ({error.args[0].str()}): run `make up`."
        ) from error
    missing = [topic for topic in wanted if topic not in existing]
    if missing:
        raise ContractError(f"Kafka at {kafka.bootstrap_servers} has no topic {', '.join(missing)}: run `make contracts`.")


def end_offsets(kafka: Kafka, topic: str) -> dict[int, int]:
    """Return the offset after the last record of each partition of the topic."""
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap_servers, "group.id": "tidemark-offsets", "log_level": 0})
    try:
        partitions = consumer.list_topics(topic, timeout=TIMEOUT_S).topics[topic].partitions
        return {
            partition: consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=TIMEOUT_S)[1]
            for partition in partitions
        }
    except KafkaException as error:
        raise ServiceUnreachable(
            f"Could not read how far {topic} goes: no Kafka broker answers at {kafka.bootstrap_servers}; run `make up`."
        ) from error
    finally:
        consumer.close()
