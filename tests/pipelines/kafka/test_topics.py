"""Topics are there, and answer, once they were created; a broker that is away is an error in
words.
"""

from uuid import uuid4

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic
from structlog.testing import capture_logs
from waiting import until

from pipelines.base.errors import ContractError, ServiceUnreachable, SettingsError
from pipelines.base.settings import Kafka, Settings
from pipelines.kafka import topics

AWAY = Kafka(bootstrap_servers="127.0.0.1:1", partitions=1, replication_factor=1, retention_hours=1)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody answers, a moment is enough to see it."""
    monkeypatch.setattr(topics, "TIMEOUT_S", 5.0)


@pytest.mark.integration
def test_missing_topics_are_created_once_and_stamp_arrival(local_stack: Settings) -> None:
    wanted = (f"test.{uuid4().hex}",)
    assert topics.create_missing(local_stack.kafka, wanted) == [*wanted]
    assert topics.end_offsets(local_stack.kafka, wanted[0]) == {0: 0}
    assert topics.create_missing(local_stack.kafka, wanted) == []
    resource = ConfigResource(ConfigResource.Type.TOPIC, wanted[0])
    admin = AdminClient({"bootstrap.servers": local_stack.kafka.bootstrap_servers})
    described = admin.describe_configs([resource])[resource].result(10)
    assert described["message.timestamp.type"].value == "LogAppendTime"
    assert described["retention.ms"].value == str(local_stack.kafka.retention_hours * 3_600_000)


def made(local_stack: Settings, **config: str) -> str:
    """Make a topic as others do, with a configuration of theirs."""
    name = f"test.{uuid4().hex}"
    admin = AdminClient({"bootstrap.servers": local_stack.kafka.bootstrap_servers})
    admin.create_topics([NewTopic(name, num_partitions=7, config=config)])[name].result(10)
    # For a moment after its creation a broker may not have heard of it.
    until(lambda: name in (there := admin.list_topics(timeout=10).topics) and len(there[name].partitions) == 7, "it is there")
    return name


@pytest.mark.integration
def test_a_topic_without_times_of_arrival_is_refused_by_name(local_stack: Settings) -> None:
    good = made(local_stack, **{"message.timestamp.type": "LogAppendTime"})
    name = made(local_stack, **{"message.timestamp.type": "CreateTime"})
    with pytest.raises(ContractError, match=rf"{name} stamps records with CreateTime.*kafka-configs\.sh.*--entity-name {name}"):
        topics.require(local_stack.kafka, [good, name])


@pytest.mark.integration
def test_a_topic_that_is_only_odd_is_warned_of(local_stack: Settings) -> None:
    with capture_logs() as logged:
        topics.require(local_stack.kafka, topics_of_ours(local_stack))
        assert logged == []
        name = made(local_stack, **{"message.timestamp.type": "LogAppendTime", "cleanup.policy": "compact"})
        topics.require(local_stack.kafka, [name])
    assert [(each["event"], each["topic"]) for each in logged] == [
        ("topic_is_compacted", name),
        ("topic_has_other_partitions", name),
    ]


@pytest.mark.integration
def test_a_topic_that_is_made_anew_has_another_id(local_stack: Settings) -> None:
    first, other = topics_of_ours(local_stack), topics_of_ours(local_stack)
    ids = topics.ids(local_stack.kafka, [*first, *other])
    assert len(set(ids.values())) == 2
    assert topics.ids(local_stack.kafka, first) == {first[0]: ids[first[0]]}
    with pytest.raises(ContractError, match=r"has no topic test\.nowhere"):
        topics.ids(local_stack.kafka, ["test.nowhere"])


@pytest.mark.integration
def test_records_are_found_by_their_time(local_stack: Settings) -> None:
    kafka, (topic,) = local_stack.kafka, topics_of_ours(local_stack)
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers})
    for value in (b"a", b"b"):
        producer.produce(topic, value)
        assert producer.flush(10) == 0
    at_ms = topics.appended_ms(kafka, topic, 0, 1, end=2)
    assert at_ms is not None
    assert topics.appended_ms(kafka, topic, 0, 2, end=2) is None
    assert topics.first_since(kafka, topic, 0, 0) == 0
    assert topics.first_since(kafka, topic, 0, at_ms + 1) == 2


def topics_of_ours(local_stack: Settings) -> tuple[str]:
    """Make a topic as the settings want it."""
    name = f"test.{uuid4().hex}"
    topics.create_missing(local_stack.kafka, (name,))
    return (name,)


@pytest.mark.integration
def test_a_topic_that_another_has_created_meanwhile_is_there_and_not_ours(local_stack: Settings) -> None:
    kafka, name = local_stack.kafka, f"test.{uuid4().hex}"
    topics.create_missing(kafka, (name,))
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    assert topics._created(admin, kafka, [name]) == []


@pytest.mark.integration
def test_a_topic_that_the_broker_refuses_is_a_matter_of_settings(local_stack: Settings) -> None:
    kafka = local_stack.kafka.model_copy(update={"replication_factor": 3})
    with pytest.raises(SettingsError, match=r"refuses the topic test\.\S+ \(.*\): mend .* replication_factor .* \[kafka\]"):
        topics.create_missing(kafka, (f"test.{uuid4().hex}",))


@pytest.mark.integration
def test_a_topic_that_is_not_there_has_no_end(local_stack: Settings) -> None:
    with pytest.raises(ContractError, match=r"has no topic test\.nowhere: run `make contracts`"):
        topics.end_offsets(local_stack.kafka, "test.nowhere")
    assert not topics._answers(local_stack.kafka, "test.nowhere")


def test_a_creation_that_is_not_answered_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topics, "TIMEOUT_S", 0.5)
    admin = AdminClient({"bootstrap.servers": AWAY.bootstrap_servers, "log_level": 0})
    with pytest.raises(ServiceUnreachable, match="run `make up`"):
        topics._created(admin, AWAY, ["test.created"])


def test_creating_topics_without_a_broker_says_what_to_do() -> None:
    with pytest.raises(ServiceUnreachable, match="run `make up`"):
        topics.create_missing(AWAY, ("test.created",))


def test_requiring_topics_without_a_broker_says_what_to_do() -> None:
    with pytest.raises(ServiceUnreachable, match=r"No Kafka broker answers at 127\.0\.0\.1:1.*run `make up`"):
        topics.require(AWAY, ("shop.payments",))


def test_without_a_broker_the_end_of_a_topic_is_an_error_in_words() -> None:
    with pytest.raises(ServiceUnreachable, match=r"no Kafka broker answers at 127\.0\.0\.1:1"):
        topics.end_offsets(AWAY, "shop.payments")


def test_a_new_topic_that_gets_no_leader_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topics, "TIMEOUT_S", 0.2)
    monkeypatch.setattr(topics, "end_offsets", lambda kafka, topic: {})
    with pytest.raises(ServiceUnreachable, match=r"test\.created has no leader.*look at its log"):
        topics._wait_for_leaders(AWAY, "test.created")
