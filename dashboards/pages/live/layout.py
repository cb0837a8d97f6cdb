"""The live page without its data: tiles, four graphs, two tables and the freshness list."""

from typing import Any

from dash import html

from dashboards.look.frame import card, choice, frame, graph
from dashboards.pages.live.board import REFRESH_S
from dashboards.pages.live.series import WINDOWS

GRAPH_HEIGHT = "190px"
GRAPHS = {
    "gmv": ("GMV per minute", "wide"),
    "orders": ("Orders per minute", ""),
    "conversion": ("Conversion", ""),
    "decisions": ("Payments held or declined per minute", "wide"),
}
FOOTER = (
    "Times are UTC and the shop's own. Longer graphs average over 3 or 15 minutes. "
    "The newest step is still filling: dotted, or an outline."
)


def page() -> html.Div:
    """Return the whole page; the callbacks fill it."""
    windows = choice("window", {key: window.label for key, window in WINDOWS.items()}, "30m", "Length of the graphs")
    return frame("The shop, live", [html.Div(id="pulse", role="status"), windows], _body(), FOOTER, REFRESH_S)


def _body() -> list[Any]:
    return [
        html.Div(id="notices"),
        html.Dl(id="tiles", className="tiles"),
        html.Div([_graph(name) for name in ("gmv", "orders", "conversion")], className="grid"),
        html.Div([card("newest-orders", "Newest orders"), card("newest-scores", "Newest fraud scores")], className="grid"),
        html.Div([_graph("decisions"), card("freshness", "Freshness of each table")], className="grid"),
    ]


def _graph(name: str) -> html.Section:
    return graph(name, *GRAPHS[name], GRAPH_HEIGHT)
