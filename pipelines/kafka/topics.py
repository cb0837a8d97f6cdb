"""Kafka's topics: the ones that have a contract exist, with the partitions, replicas and retention
of the settings.
"""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import ConfigEntry, ConfigResource
from confluent_kafka.admin._metadata import TopicMetadata
from confluent_kafka.cimpl import NewTopic

from pipelines.base import logs
from pipelines.base.errors import ContractError, ServiceUnreachable, SettingsError, TidemarkError
from pipelines.base.settings import Kafka

log = logs.get(__name__)

TIMEOUT_S = 10.0
LOOK_EVERY_S = 0.1
HOUR_MS = 3_600_000
ARRIVAL = "LogAppendTime"  # how Kafka calls it


def create_missing(kafka: Kafka, wanted: tuple[str, ...]) -> list[str]:
    """Create those of `wanted` that the cluster lacks and return their names once they answer;
    other topics stay as they are.

    Raises ServiceUnreachable when no broker answers or a new topic has no leader for too long,
    SettingsError when the broker refuses a topic as the settings want it.
    """
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers, "log_level": 0})
    missing = sorted(set(wanted) - set(_existing(admin, kafka)))
    created = _created(admin, kafka, missing) if missing else []
    for name in missing:
        _wait_for_leaders(kafka, name)
    return created


def _existing(admin: AdminClient, kafka: Kafka) -> dict[str, TopicMetadata]:
    try:
        return dict(admin.list_topics(timeout=TIMEOUT_S).topics)
    except KafkaException as error:
        raise _unreachable(kafka, error) from error


def _created(admin: AdminClient, kafka: Kafka, names: list[str]) -> list[str]:
    """Create topics and return the names of those that nobody else had created meanwhile."""
    futures = admin.create_topics([_described(name, kafka) for name in names], request_timeout=TIMEOUT_S)
    created = []
    for name, future in futures.items():
        try:
            future.result()
        except KafkaException as error:
            refusal: KafkaError = error.args[0]
            if refusal.code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise _refused(kafka, name, error) from error
        else:
            created.append(name)
    return created


def _refused(kafka: Kafka, name: str, error: KafkaException) -> TidemarkError:
    refusal: KafkaError = error.args[0]
    if refusal.code() < 0:  # said by the client, not by a broker
        return _unreachable(kafka, error)
    return SettingsError(
        f"The Kafka broker at {kafka.bootstrap_servers} refuses the topic {name} ({refusal.str()}): mend partitions, "
        "replication_factor or retention_hours under [kafka] in conf/."
    )


def _unreachable(kafka: Kafka, error: KafkaException) -> ServiceUnreachable:
    return ServiceUnreachable(f"No Kafka broker answers at {kafka.bootstrap_servers} ({error.args[0].str()}): run `make up`.")


def _wait_for_leaders(kafka: Kafka, topic: str) -> None:
    """Return once every partition of a new topic answers: for a moment after its creation none has
    a leader.
    """
    until = time.monotonic() + TIMEOUT_S
    while not _answers(kafka, topic):
        if time.monotonic() > until:
            raise ServiceUnreachable(
                f"The new topic {topic} has no leader: the Kafka broker at {kafka.bootstrap_servers} says why, look at its log."
            )
        time.sleep(LOOK_EVERY_S)


def _answers(kafka: Kafka, topic: str) -> bool:
    try:
        return len(end_offsets(kafka, topic)) == kafka.partitions_for(topic)
    except (ServiceUnreachable, ContractError):
        # A broker that has not heard of it yet says that there is no such topic.
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
            "message.timestamp.type": ARRIVAL,
        },
    )


def require(kafka: Kafka, wanted: Sequence[str]) -> None:
    """Raise ServiceUnreachable without a broker, and ContractError naming the topics of `wanted`
    that do not exist, or in which records do not carry the time of their arrival; warn of what else
    is odd.
    """
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers, "log_level": 0})
    existing = _existing(admin, kafka)
    missing = [topic for topic in wanted if topic not in existing]
    if missing:
        raise _absent(kafka, missing)
    resources = [ConfigResource(ConfigResource.Type.TOPIC, topic) for topic in wanted]
    for resource, future in admin.describe_configs(resources, request_timeout=TIMEOUT_S).items():
        _require_fit(kafka, resource.name, future, partitions=len(existing[resource.name].partitions))


def _require_fit(kafka: Kafka, topic: str, future: Future[dict[str, ConfigEntry]], partitions: int) -> None:
    try:
        found = future.result()
    except KafkaException as error:
        log.warning("topic_not_checked", topic=topic, error=error.args[0].str())  # who may read it may not ask
        return
    stamped = found["message.timestamp.type"].value
    if stamped != ARRIVAL:
        raise ContractError(
            f"The topic {topic} stamps records with {stamped}, the clocks of their producers, and Tidemark counts by the time "
            f"of arrival: set message.timestamp.type={ARRIVAL} on it, with kafka-configs.sh --bootstrap-server "
            f"{kafka.bootstrap_servers} --alter --entity-type topics --entity-name {topic} --add-config "
            f"message.timestamp.type={ARRIVAL}."
        )
    if "compact" in str(found["cleanup.policy"].value):
        log.warning("topic_is_compacted", topic=topic, means="records may be gone before they are read", set="delete")
    if partitions != kafka.partitions_for(topic):
        log.warning("topic_has_other_partitions", topic=topic, partitions=partitions, settings=kafka.partitions_for(topic))


def _absent(kafka: Kafka, topics: Sequence[str]) -> ContractError:
    return ContractError(f"Kafka at {kafka.bootstrap_servers} has no topic {', '.join(topics)}: run `make contracts`.")


def end_offsets(kafka: Kafka, topic: str) -> dict[int, int]:
    """Return the offset after the last record of each partition of the topic; raises what `offsets`
    raises.
    """
    return {partition: end for partition, (_, end) in offsets(kafka, topic).items()}


def records_written(kafka: Kafka, topic: str) -> int:
    """Return how many records a topic has got, those that Kafka has dropped since included."""
    return sum(end_offsets(kafka, topic).values())


def ids(kafka: Kafka, wanted: Sequence[str]) -> dict[str, str]:
    """Return the ids that Kafka gave topics when they were made: one that was made anew has another
    one.

    Raises ServiceUnreachable without a broker, ContractError when there is no such topic.
    """
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers, "log_level": 0})
    described = admin.describe_topics(TopicCollection(list(wanted)), request_timeout=TIMEOUT_S)
    return {topic: str(_answer(kafka, topic, future).topic_id) for topic, future in described.items()}


def _answer(kafka: Kafka, topic: str, future: Future[Any]) -> Any:
    """Return what a broker answers of a topic."""
    try:
        return future.result()
    except KafkaException as error:
        if error.args[0].code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            raise _absent(kafka, [topic]) from error
        raise _unreachable(kafka, error) from error


def appended_ms(kafka: Kafka, topic: str, partition: int, offset: int, end: int) -> int | None:
    """Return when the record of an offset was appended, in milliseconds since 1970; None where a
    partition that ends at `end` has none of that offset.
    """
    if offset >= end:
        return None
    with _consumer(kafka) as consumer:
        consumer.assign([TopicPartition(topic, partition, offset)])
        message = consumer.poll(TIMEOUT_S)
        if message is None or message.error():
            raise ServiceUnreachable(
                f"Could not read the record {offset} of {topic}, partition {partition}, from the Kafka broker at "
                f"{kafka.bootstrap_servers}: see whether it runs (make status), then try again."
            )
        return int(message.timestamp()[1]) if message.offset() == offset else None


def first_since(kafka: Kafka, topic: str, partition: int, since_ms: int) -> int:
    """Return the offset of the first record of a partition that was appended then (milliseconds
    since 1970) or later; where there is none, that behind the last record.
    """
    with _consumer(kafka) as consumer:
        wanted = TopicPartition(topic, partition, max(0, since_ms))
        (found,) = consumer.offsets_for_times([wanted], timeout=TIMEOUT_S)
        return int(found.offset) if found.offset >= 0 else int(consumer.get_watermark_offsets(wanted, timeout=TIMEOUT_S)[1])


@contextmanager
def _consumer(kafka: Kafka) -> Iterator[Consumer]:
    """Yield a client that reads and keeps no place; raises ServiceUnreachable where no broker
    answers it.
    """
    reading = {"enable.auto.commit": False, "auto.offset.reset": "error", "log_level": 0}
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap_servers, "group.id": "tidemark-offsets", **reading})
    try:
        yield consumer
    except KafkaException as error:
        raise _unreachable(kafka, error) from error
    finally:
        consumer.close()


def offsets(kafka: Kafka, topic: str) -> dict[int, tuple[int, int]]:
    """Return the offset of the first record that is left, and the one after the last, of each
    partition of the topic.

    Raises ServiceUnreachable without a broker, ContractError when there is no such topic.
    """
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap_servers, "group.id": "tidemark-offsets", "log_level": 0})
    try:
        partitions = consumer.list_topics(topic, timeout=TIMEOUT_S).topics[topic].partitions
        if not partitions:
            raise _absent(kafka, [topic])
        return {
            partition: consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=TIMEOUT_S)
            for partition in partitions
        }
    except KafkaException as error:
        raise ServiceUnreachable(
            f"Could not read what {topic} holds: no Kafka broker answers at {kafka.bootstrap_servers}; run `make up`."
        ) from error
    finally:
        consumer.close()
