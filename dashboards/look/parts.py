"""What the pages are put together from: tiles, notices, tables, badges. Pure: what time it is comes
in as an argument.
"""

from datetime import datetime
from typing import Any

from dash import html

from dashboards.cache import Answer
from dashboards.look import formats

STALLED_AFTER_S = 180
REASONS_SHOWN = 2
EMPTY = "No {what} yet: is the simulator running? `make status` tells."


def tile(label: str, value: str, note: Any = "", tone: str = "") -> html.Div:
    """Return one large number with its label and a small note."""
    return html.Div(
        [html.Dt(label), html.Dd(value, className="value"), html.Dd(note, className=f"note {tone}")], className="tile"
    )


def notice(*answers: Answer[Any]) -> html.Div | None:
    """Return what is wrong with these answers and since when they are old, once each; nothing when
    all is well.
    """
    failed = {answer.problem: answer for answer in answers if answer.problem}
    sentences = [html.P(prose(_sentence(problem, answer))) for problem, answer in failed.items()]
    return html.Div(sentences, className="notice", role="status") if sentences else None


def pulse(answer: Answer[Any], newest: datetime | None, now: datetime, kind: str) -> html.Span:
    """Return the state of a page in a word: live, waiting, stalled or not connected; `newest` is
    its newest event of a kind.
    """
    if answer.problem:
        since = f", showing {answer.at:%H:%M:%S} UTC" if answer.at else ""
        return html.Span(f"No fresh data{since}", className="pulse bad")
    if newest is None:
        return html.Span("Waiting for the first events", className="pulse idle")
    if (now - newest).total_seconds() > STALLED_AFTER_S:
        return html.Span(f"Newest {kind} {newest:%Y-%m-%d %H:%M} UTC, {formats.ago(newest, now)}", className="pulse late")
    return html.Span(f"Live · {newest:%H:%M} UTC", className="pulse good")


def prose(text: str) -> list[Any]:
    """Return text with what stands between backticks as code."""
    return [html.Code(part) if odd % 2 else part for odd, part in enumerate(text.split("`"))]


def nothing(what: str, answer: Answer[Any]) -> html.P:
    """Return what stands where there are no rows; where they could not be read, the notice above
    says why.
    """
    return html.P([] if answer.problem else prose(EMPTY.format(what=what)), className="empty")


def table(heads: list[str], rows: list[html.Tr], empty: html.P) -> html.Table | html.P:
    """Return a table under its heads, or `empty` where it has no rows."""
    if not rows:
        return empty
    head = html.Tr([html.Th(text, scope="col", className=_column(text)) for text in heads])
    return html.Table([html.Thead(head), html.Tbody(rows)])


def line(heads: list[str], cells: list[Any]) -> html.Tr:
    """Return one row of a table; its cells are dressed by their heads."""
    return html.Tr([html.Td(cell, className=_column(head)) for head, cell in zip(heads, cells, strict=True)])


def short_id(identifier: str, title: str) -> html.Code:
    """Return the end of an id; the title says it whole."""
    return html.Code(formats.short(identifier), title=title)


def badge(word: str, kind: str) -> html.Span:
    """Return a word on the colour that its kind ("d" for decisions, "s" for statuses) gives it."""
    return html.Span(word, className=f"badge {kind}-{word}")


def probability(value: float, decision: str) -> html.Span:
    """Return a probability as a bar in the colour of its decision, and in percent."""
    bar = html.Meter(className=f"m-{decision}", value=f"{value:.3f}", min="0", max="1")
    return html.Span([bar, f" {formats.percent(value)}"])


def reasons(names: list[str], *, degraded: bool, shown: int = REASONS_SHOWN) -> html.Span:
    """Return the largest reasons of a score in words, and first of all whether it was made without
    full knowledge.
    """
    told = ", ".join([*["degraded"] * degraded, *map(formats.words, names[:shown])])
    return html.Span(told, title=told)


def keys(*names: str) -> list[html.Span]:
    """Return the key of a graph: each name beside its colour."""
    return [html.Span(name, className=f"key k-{name.replace(' ', '-')}") for name in names]


def _sentence(problem: str | None, answer: Answer[Any]) -> str:
    shown = f" Shown is what was read at {answer.at:%H:%M:%S} UTC." if answer.at else ""
    return f"Since {answer.failed_at:%H:%M:%S} UTC: {problem}{shown}"


def _column(head: str) -> str:
    return f"c-{head.lower().replace(' ', '-')}"
