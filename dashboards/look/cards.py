"""The boxes a page is made of: tiles with one number each, and cards with a title."""

from collections.abc import Mapping, Sequence
from typing import Any

import dash_mantine_components as dmc
from dash import dcc, html

TILES_PER_ROW = {"base": 2, "sm": 3, "lg": 6}
# How many of a row's twelve columns a card takes: on a wide screen, on a middling one, and all of
# them on a narrow one.
QUARTER = {"base": 12, "sm": 6, "lg": 3}
HALF = {"base": 12, "lg": 6}
WHOLE = {"base": 12}

Span = Mapping[str, int]


def tiles() -> dmc.SimpleGrid:
    """Return the place of the tiles, which a callback fills."""
    return dmc.SimpleGrid(id="tiles", cols=TILES_PER_ROW, spacing="sm", mb="sm")


def tile(label: str, value: str, note: Any = "", tone: str = "") -> dmc.Paper:
    """Return one large number with its label and a small note in a tone: good, late or bad."""
    texts = [
        dmc.Text(label, size="xs", c="dimmed"),
        dmc.Text(value, className="value"),
        dmc.Text(note, size="xs", c=f"var(--{tone})" if tone else "dimmed"),
    ]
    return dmc.Paper(texts, className="tile", p="xs", attributes=_region("group", label))


def row(*cards: tuple[Span, Any]) -> dmc.Grid:
    """Return cards beside each other, each with how much of the row it takes."""
    return dmc.Grid([dmc.GridCol(content, span=dict(span)) for span, content in cards], gutter="sm", mb=6)


def card(title: str, content: Any, aside: Any = None, **properties: Any) -> dmc.Paper:
    """Return a box with a title, and what stands at the right of the title, if anything does."""
    head = dmc.Group([dmc.Title(title, order=2, size=13, fw=600), aside], justify="space-between", gap="xs", mb=4)
    return dmc.Paper([head, content], className="card", attributes=_region("region", title), **properties)


def graph(name: str, title: str, height: str) -> dmc.Paper:
    """Return a card with a graph, and room beside its title for its newest value or its key."""
    drawn = dcc.Graph(id=name, config={"displayModeBar": False}, responsive=True, style={"height": height})
    return card(title, drawn, html.Span(id=f"{name}-now", className="now"))


def key(colours: Mapping[str, str]) -> dmc.Group:
    """Return the key of a graph: each name beside its colour, which is one of figures.Scheme."""
    return dmc.Group([_named(name, colour) for name, colour in colours.items()], gap="sm")


def facts(lines: Sequence[Sequence[Any]]) -> html.Div:
    """Return short lines in two columns, one on a narrow screen."""
    return html.Div([dmc.Group(list(line), className="fact", gap="xs", wrap="nowrap") for line in lines], className="facts")


def _named(name: str, colour: str) -> dmc.Badge:
    return dmc.Badge(
        name, variant="dot", size="lg", color=f"var(--{colour})", c="dimmed", fw=500, fz="xs", bg="transparent", bd=0, p=0
    )


def _region(role: str, label: str) -> dict[str, Any]:
    return {"root": {"role": role, "aria-label": label}}
