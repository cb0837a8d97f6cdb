"""Tables of rows that a reader may sort and walk through by keyboard: AG Grid, with the cells'
words made here. Pure: what time it is comes in as an argument.

A cell is a value to sort by and the text that is shown. Badges and bars are drawn by the functions
in assets/cells.js.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, NamedTuple

import dash_ag_grid as dag
from dash import Output, html

from dashboards.cache import Answer
from dashboards.look import formats
from dashboards.look.cards import card
from dashboards.look.messages import notice

Cell = dict[str, Any]
Row = dict[str, Any]

# The tone and the bar's colour of each decision about a payment.
DECISION_TONES = {"approve": "good", "review": "late", "decline": "bad"}
DECISION_COLOURS = {"approve": "green", "review": "amber", "decline": "red"}
REASONS_SHOWN = 2
ROW_PX = 29
DRAWN_AS: dict[str, dict[str, Any]] = {
    "text": {},
    "small": {"cellClass": "small"},
    "id": {"cellClass": "id"},
    "number": {"type": "rightAligned"},
    "badge": {"cellRenderer": "Badge"},
    "bar": {"cellRenderer": "Bar"},
}
OPTIONS = {
    "theme": {"function": "themeQuartz.withoutPart('checkboxStyle')"},
    "rowHeight": ROW_PX,
    "headerHeight": ROW_PX,
    "animateRows": False,
    "suppressColumnMoveAnimation": True,
    "suppressNoRowsOverlay": True,  # the remark above the table says what is missing
    "enableCellTextSelection": True,
    "ensureDomOrder": True,  # for screen readers
    "tooltipShowDelay": 300,
}


@dataclass(frozen=True)
class Column:
    """A column: the field of a row that it shows, its head, and its smallest width in pixels.

    Space that is left is shared by `share`. A `roomy` column is left out where the table is narrow.
    """

    field: str
    head: str
    width: int
    drawn_as: Literal["text", "small", "id", "number", "badge", "bar"] = "text"
    share: int = 1
    roomy: bool = False


class Filled(NamedTuple):
    """What fills a table: its rows, and what is to be said above them."""

    rows: list[Row]
    remark: list[Any]


def table(name: str, title: str, columns: Sequence[Column], height: str | None = None, aside: Any = None) -> Any:
    """Return a card with a table; it is as high as its rows are, or scrolls within `height`."""
    options = OPTIONS if height else {**OPTIONS, "domLayout": "autoHeight"}
    grid = dag.AgGrid(
        id=f"{name}-rows",
        columnDefs=[_definition(column) for column in columns],
        defaultColDef={"suppressMovable": True, "suppressHeaderMenuButton": True, "resizable": False},
        dashGridOptions=options,
        getRowId="params.data.key",
        # A grid has its first size before anybody listens; of its first state it tells afterwards.
        eventListeners={event: ["leaveOutRoomyColumns(params)"] for event in ("stateUpdated", "gridSizeChanged")},
        className="table",
        style={"height": height, "width": "100%"},
    )
    return card(title, html.Div([html.Div(id=f"{name}-remark"), grid], id=name), aside)


def outputs(name: str) -> tuple[Output, Output]:
    """Return what a callback fills with a Filled."""
    return Output(f"{name}-rows", "rowData"), Output(f"{name}-remark", "children")


def filled(rows: list[Row], answer: Answer[Any], nothing: Any) -> Filled:
    """Return rows under what is wrong with their answer, or `nothing` where all is well and yet
    there is none.
    """
    wrong = notice(answer)
    return Filled(rows, [wrong] if wrong else [] if rows else [nothing])


def row(key: str, **cells: Cell) -> Row:
    """Return a row; its key stays the same from one refresh to the next."""
    return {"key": key, **cells}


def cell(value: float | str | None, text: str, title: str | None = None) -> Cell:
    """Return a cell: what it is sorted by, what it shows, and what it says under the pointer."""
    return {"value": value, "text": text, "title": title}


def badge(word: str, tones: Mapping[str, str]) -> Cell:
    """Return a word on the colour of its tone."""
    return {**cell(word, word), "tone": tones.get(word, "calm")}


def bar(probability: float, decision: str) -> Cell:
    """Return a probability as a bar in the colour of its decision, and in percent."""
    return {**cell(probability, formats.percent(probability)), "colour": DECISION_COLOURS.get(decision, "blue")}


def short_id(identifier: str, title: str) -> Cell:
    """Return the end of an id; the title says it whole."""
    return cell(identifier, formats.short(identifier), title)


def age(at: datetime, now: datetime) -> Cell:
    """Return how long ago something was, newest first when sorted."""
    return cell((now - at).total_seconds(), formats.ago(at, now))


def amount(value: Decimal, currency: str) -> Cell:
    """Return an amount of money with its cents."""
    return cell(float(value), formats.amount(value, currency))


def count(value: int) -> Cell:
    """Return a number of things."""
    return cell(value, formats.count(value))


def ratio(value: float, digits: int = 2) -> Cell:
    """Return a ratio in percent."""
    return cell(value, formats.percent(value, digits))


def reasons(names: Sequence[str], *, degraded: bool, shown: int = REASONS_SHOWN) -> Cell:
    """Return the largest reasons of a score in words, and first of all whether it was made without
    full knowledge.
    """
    words = ", ".join([*["degraded"] * degraded, *map(formats.words, names[:shown])])
    return cell(words, words, words)


def _definition(column: Column) -> dict[str, Any]:
    return {
        "colId": column.field,
        "field": f"{column.field}.value",
        "headerName": column.head,
        "minWidth": column.width,
        "flex": column.share,
        "valueFormatter": {"function": f"params.data.{column.field}.text"},
        "tooltipField": f"{column.field}.title",
        "context": {"roomy": column.roomy},
        **DRAWN_AS[column.drawn_as],
    }
