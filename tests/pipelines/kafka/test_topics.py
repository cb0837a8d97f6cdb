"""Topics are there, and answer, once they were created; a broker that is away is an error in
words.
"""

from uuid import uuid4

import pytest
from confluent_kafka.admin import AdminClient, ConfigResource

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
