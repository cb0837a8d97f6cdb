"""The live line says what is known and does not invent the rest."""

import pytest
from confluent_kafka.admin import AdminClient

from pipelines.base.settings import settings
from stack import flow
from stack.flow import Flow


def test_a_full_line() -> None:
    line = str(Flow(events_per_s=1234.4, newest_order="o-7", age_s=1.26, quarantined=12_345))
    assert line == "1,234 events/s · newest order in gold: o-7, 1.3 s old · quarantined: 12,345"


def test_what_is_not_known_yet() -> None:
    assert str(Flow()) == "… events/s · newest order in gold: none yet · quarantined: …"


@pytest.mark.usefixtures("state")
def test_without_services_a_look_is_empty_rather_than_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flow, "KAFKA_WITHIN_S", 0.5)
    looking = flow.Looking()
    looking.admin = AdminClient({"bootstrap.servers": "127.0.0.1:1", "log_level": 0})
    monkeypatch.setenv("TIDEMARK_TRINO__PORT", "1")
    settings.cache_clear()
    assert looking.look() == Flow()
