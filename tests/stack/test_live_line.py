"""The live line says what is known and does not invent the rest, and names what is down or came
back.
"""

from typing import Any

import pytest
from confluent_kafka.admin import AdminClient

from pipelines.base.settings import settings
from stack import live_line
from stack.live_line import Flow
from stack.supervision import Restarts


def test_a_full_line() -> None:
    line = str(Flow(events_per_s=1234.4, newest_order="o-7", age_s=1.26, quarantined=12_345))
    assert line == "1,234 events/s · newest order in gold: o-7, 1.3 s old · quarantined: 12,345"


def test_what_is_not_known_yet() -> None:
    assert str(Flow()) == "… events/s · newest order in gold: none yet · quarantined: …"


@pytest.mark.usefixtures("state")
def test_without_services_a_look_is_empty_rather_than_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_line, "KAFKA_WITHIN_S", 0.5)
    looking = live_line.Looking()
    looking.admin = AdminClient({"bootstrap.servers": "127.0.0.1:1", "log_level": 0})
    monkeypatch.setenv("TIDEMARK_TRINO__PORT", "1")
    settings.cache_clear()
    assert looking.look() == Flow()


def process(state: str = "RUNNING", start: int = 100) -> dict[str, Any]:
    """What the supervisor knows of a program."""
    return {"statename": state, "start": start}


def test_the_live_line_names_what_is_down_and_counts_what_came_back() -> None:
    restarts = Restarts()
    assert live_line.trouble({"streams": process(), "simulator": process("STOPPED", start=0)}, restarts) == ""
    assert "crashed: streams" in live_line.trouble({"streams": process("EXITED")}, restarts)
    back = live_line.trouble({"streams": process(start=160), "simulator": process(start=150)}, restarts)
    assert "restarted: streams 1x" in back
    assert "crashed" not in back
    assert "simulator" not in back
    assert "restarted: streams 2x" in live_line.trouble({"streams": process(start=200)}, restarts)
