"""What the demo decides without anything running: whether a history is owed, and what its live line says of programs."""

from typing import Any

import pytest
from rich.console import Console

from pipelines.errors import ServiceUnreachable, TidemarkError
from pipelines.settings import settings
from stack import demo, flow
from stack.supervision import Restarts


def told(state: str = "RUNNING", start: int = 100) -> dict[str, Any]:
    """What the supervisor tells of a program."""
    return {"statename": state, "start": start}


@pytest.mark.usefixtures("state")
def test_a_kafka_that_does_not_answer_is_not_taken_for_an_empty_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flow, "KAFKA_WITHIN_S", 0.2)
    monkeypatch.setenv("TIDEMARK_KAFKA__BOOTSTRAP_SERVERS", "127.0.0.1:1")
    settings.cache_clear()
    with pytest.raises(ServiceUnreachable, match=r"Kafka at 127\.0\.0\.1:1 did not say what shop\.payments holds"):
        demo.wants_history()


@pytest.mark.usefixtures("state")
def test_an_interrupted_history_is_wanted_again_and_a_whole_one_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "has_records", lambda topic: True)
    assert not demo.wants_history()
    monkeypatch.setattr(demo, "HISTORY", ("-c", "raise SystemExit(1)"))
    with pytest.raises(TidemarkError, match="history failed"):
        demo._send_history(Console(quiet=True))
    assert demo.wants_history()
    monkeypatch.setattr(demo, "HISTORY", ("-c", ""))
    demo._send_history(Console(quiet=True))
    assert not demo.wants_history()


def test_the_live_line_names_what_is_down_and_counts_what_came_back() -> None:
    restarts = Restarts()
    assert demo.trouble({"streams": told(), "simulator": told("STOPPED", start=0)}, restarts) == ""
    assert "crashed: streams" in demo.trouble({"streams": told("EXITED")}, restarts)
    back = demo.trouble({"streams": told(start=160), "simulator": told(start=150)}, restarts)
    assert "restarted: streams 1x" in back
    assert "crashed" not in back
    assert "simulator" not in back
    assert "restarted: streams 2x" in demo.trouble({"streams": told(start=200)}, restarts)
