"""What a page says of itself: whether data flows, and what is wrong."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from dashboards.cache import Answer
from dashboards.look import messages

Shown = Callable[[Any], str]
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
GOOD = Answer[Any]([], NOW)
TORN = Answer[Any](None, None, "Trino does not answer at 127.0.0.1:1: `make status` says what runs.", NOW)


def test_the_pulse_has_four_states(shown: Shown) -> None:
    given = [(GOOD, NOW), (GOOD, NOW - timedelta(hours=1)), (GOOD, None), (TORN, None)]
    states = [messages.pulse(answer, newest, NOW, "minute") for answer, newest in given]
    assert [state.color for state in states] == ["var(--good)", "var(--late)", "var(--idle)", "var(--bad)"]
    assert "Newest minute 2026-11-22 11:00 UTC, 1 h ago" in shown(states[1])


def test_a_problem_is_said_once_with_since_when_the_rows_are_old(shown: Shown) -> None:
    old = Answer(["a row"], NOW - timedelta(seconds=9), TORN.problem, NOW)
    words = shown(messages.notice(TORN, old))
    assert words.count("Trino does not answer") == 1
    assert "Since 12:00:00 UTC" in words
    assert "read at 11:59:51 UTC" in words
    assert messages.notice(GOOD) is None
