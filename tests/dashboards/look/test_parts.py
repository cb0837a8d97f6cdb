"""What pages are put together from: the pulse, notices, reasons."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from dashboards.cache import Answer
from dashboards.look import parts

Shown = Callable[[Any], str]
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
GOOD = Answer[Any]([], NOW)
TORN = Answer[Any](None, None, "Trino does not answer at 127.0.0.1:1: `make status` says what runs.", NOW)


def test_the_pulse_has_four_states(shown: Shown) -> None:
    asked = [(GOOD, NOW), (GOOD, NOW - timedelta(hours=1)), (GOOD, None), (TORN, None)]
    states = [parts.pulse(answer, newest, NOW, "minute") for answer, newest in asked]
    assert [state.className for state in states] == ["pulse good", "pulse late", "pulse idle", "pulse bad"]
    assert "Newest minute 2026-11-22 11:00 UTC, 1 h ago" in shown(states[1])


def test_a_problem_is_told_once_with_since_when_the_rows_are_old(shown: Shown) -> None:
    old = Answer(["a row"], NOW - timedelta(seconds=9), TORN.problem, NOW)
    told = shown(parts.notice(TORN, old))
    assert told.count("Trino does not answer") == 1
    assert "Since 12:00:00 UTC" in told
    assert "read at 11:59:51 UTC" in told
    assert parts.notice(GOOD) is None


def test_reasons_are_words_and_begin_with_what_was_not_known(shown: Shown) -> None:
    names = ["amount_above_usual", "new_seller", "burst"]
    assert shown(parts.reasons(names, degraded=False)) == "amount above usual, new seller"
    assert shown(parts.reasons(names, degraded=True, shown=1)) == "degraded, amount above usual"
