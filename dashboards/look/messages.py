"""Sentences and states of a page: what is wrong, what is missing, whether data flows. Pure: what
time it is comes in as an argument.
"""

from datetime import datetime
from typing import Any

import dash_mantine_components as dmc

from dashboards.cache import Answer
from dashboards.look import formats

STALLED_AFTER_S = 180
EMPTY = "No {what} yet: is the simulator running? `make status` tells."


def notice(*answers: Answer[Any]) -> dmc.Alert | None:
    """Return what is wrong with these answers and since when they are old, once each; nothing when
    all is well.
    """
    failed = {answer.problem: answer for answer in answers if answer.problem}
    sentences = [dmc.Text(prose(_sentence(problem, answer)), inherit=True) for problem, answer in failed.items()]
    return dmc.Alert(sentences, className="notice", color="var(--amber)", p="xs", mb="sm") if sentences else None


def pulse(answer: Answer[Any], newest: datetime | None, now: datetime, kind: str) -> dmc.Badge:
    """Return the state of a page in a word: live, waiting, stalled or not connected; `newest` is
    its newest event of a kind.
    """
    if answer.problem:
        since = f", showing {answer.at:%H:%M:%S} UTC" if answer.at else ""
        return _state(f"No fresh data{since}", "bad")
    if newest is None:
        return _state("Waiting for the first events", "idle")
    if (now - newest).total_seconds() > STALLED_AFTER_S:
        return _state(f"Newest {kind} {newest:%Y-%m-%d %H:%M} UTC, {formats.ago(newest, now)}", "late")
    return _state(f"Live · {newest:%H:%M} UTC", "good")


def prose(text: str) -> list[Any]:
    """Return text with what stands between backticks as code."""
    return [dmc.Code(part) if odd % 2 else part for odd, part in enumerate(text.split("`"))]


def nothing(what: str) -> dmc.Text:
    """Return what stands where there are no rows of a kind yet."""
    return empty(EMPTY.format(what=what))


def empty(sentence: str) -> dmc.Text:
    """Return a sentence that stands where there is nothing to show."""
    return dmc.Text(prose(sentence), className="empty", c="dimmed", ta="center", py="lg")


def remark(text: Any = "", **properties: Any) -> dmc.Text:
    """Return a small explanation below what it explains."""
    return dmc.Text(text, size="xs", c="dimmed", **properties)


def _state(text: str, tone: str) -> dmc.Badge:
    colour = f"var(--{tone})"
    return dmc.Badge(
        text, variant="dot", size="lg", color=colour, c=colour, h="auto", styles={"label": {"whiteSpace": "normal"}}
    )


def _sentence(problem: str | None, answer: Answer[Any]) -> str:
    shown = f" Shown is what was read at {answer.at:%H:%M:%S} UTC." if answer.at else ""
    return f"Since {answer.failed_at:%H:%M:%S} UTC: {problem}{shown}"
