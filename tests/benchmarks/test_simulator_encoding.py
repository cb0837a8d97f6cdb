"""The encoding benchmark leaves no topic behind."""

import pytest
from confluent_kafka.admin import AdminClient
from waiting import until

from benchmarks import simulator_encoding
from pipelines.base.settings import Settings


@pytest.mark.integration
def test_its_topic_is_deleted(local_stack: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    admin = AdminClient({"bootstrap.servers": local_stack.kafka.bootstrap_servers})
    measured: list[bool] = []
    monkeypatch.setattr(simulator_encoding, "measure", lambda: measured.append(_there(admin)) or {})
    monkeypatch.setattr(simulator_encoding, "write", lambda *receipt: None)
    simulator_encoding.main()
    assert measured == [True]
    until(lambda: not _there(admin), "the topic is gone")


def _there(admin: AdminClient) -> bool:
    return simulator_encoding.TOPIC in admin.list_topics(timeout=30).topics
