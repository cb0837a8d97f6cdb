"""The live page without its data: tiles, four graphs, two tables and the freshness of every
table.
"""

from typing import Any

from dash import html

from dashboards.look import cards, tables
from dashboards.look.frame import Layout
from dashboards.look.inputs import choice
from dashboards.look.tables import Column
from dashboards.pages.live.board import REFRESH_S
from dashboards.pages.live.series import WINDOWS

GRAPH_HEIGHT = "190px"
GRAPHS = {
    "gmv": "GMV per minute",
    "orders": "Orders per minute",
    "conversion": "Conversion",
    "decisions": "Payments held or declined per minute",
}
ORDERS = (
    Column("order", "Order", 80, drawn_as="id", share=5),
    Column("placed", "Placed", 80, share=4),
    Column("status", "Status", 92, drawn_as="badge", share=5),
    Column("items", "Items", 52, drawn_as="number", share=2, roomy=True),
    Column("amount", "Amount", 88, drawn_as="number", share=5),
)
SCORES = (
    Column("payment", "Payment", 80, drawn_as="id", share=4),
    Column("made", "Made", 80, share=3, roomy=True),
    Column("decision", "Decision", 84, drawn_as="badge", share=4),
    Column("probability", "Probability", 78, drawn_as="bar", share=8),
    Column("why", "Why", 60, drawn_as="small", share=4, roomy=True),
    Column("amount", "Amount", 88, drawn_as="number", share=4),
    Column("latency", "Latency", 78, drawn_as="number", share=3, roomy=True),
)
FOOTER = (
    "Times are UTC and the shop's own. Longer graphs average over 3 or 15 minutes. "
    "The newest step is still filling: dotted, or an outline."
)


def layout() -> Layout:
    """Return the whole page; the callbacks fill it."""
    windows = choice("window", {key: window.label for key, window in WINDOWS.items()}, "30m", "Length of the graphs")
    return Layout([html.Div(id="pulse", role="status"), windows], _body(), FOOTER, REFRESH_S)


def _body() -> list[Any]:
    return [
        html.Div(id="notices"),
        cards.tiles(),
        cards.row((cards.HALF, _graph("gmv")), (cards.QUARTER, _graph("orders")), (cards.QUARTER, _graph("conversion"))),
        cards.row(
            (cards.HALF, tables.table("newest-orders", "Newest orders", ORDERS)),
            (cards.HALF, tables.table("newest-scores", "Newest fraud scores", SCORES)),
        ),
        cards.row(
            (cards.HALF, _graph("decisions")),
            (cards.HALF, cards.card("Freshness of each table", html.Div(id="freshness"))),
        ),
    ]


def _graph(name: str) -> Any:
    return cards.graph(name, GRAPHS[name], GRAPH_HEIGHT)
