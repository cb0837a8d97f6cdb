"""The page without its data: header, tiles, four graphs, two tables and the freshness list."""

from typing import Any

from dash import dcc, html

from dashboards.board import REFRESH_S
from dashboards.series import WINDOWS

GRAPH_HEIGHT = "190px"
GRAPHS = {
    "gmv": ("GMV per minute", "wide"),
    "orders": ("Orders per minute", ""),
    "conversion": ("Conversion", ""),
    "decisions": ("Payments held or declined per minute", "wide"),
}


def page() -> html.Div:
    """Return the whole page; the callbacks fill it."""
    return html.Div([_header(), html.Main(_body()), _footer(), *_machinery()], className="page")


def _header() -> html.Header:
    options = [{"label": window.label, "value": key} for key, window in WINDOWS.items()]
    choice = dcc.RadioItems(id="window", options=options, value="30m", inline=True, className="window")
    name = html.Div([html.H1("Tidemark"), html.Span("the shop, live", className="tagline")], className="brand")
    status = html.Div(id="pulse", role="status")
    return html.Header([name, status, html.Div(choice, role="group", title="Length of the graphs")])


def _body() -> list[Any]:
    return [
        html.Div(id="notices"),
        html.Dl(id="tiles", className="tiles"),
        html.Div([_graph(name) for name in ("gmv", "orders", "conversion")], className="grid"),
        html.Div(
            [_list("Newest orders", "newest-orders"), _list("Newest fraud scores", "newest-scores")], className="grid lists"
        ),
        html.Div([_graph("decisions"), _list("Freshness of each table", "freshness")], className="grid"),
    ]


def _graph(name: str) -> html.Section:
    title, size = GRAPHS[name]
    head = html.Div([html.H2(title), html.Span(id=f"{name}-now", className="now")], className="head")
    return html.Section(
        [head, dcc.Graph(id=name, config={"displayModeBar": False}, responsive=True, style={"height": GRAPH_HEIGHT})],
        className=f"card {size}",
    )


def _list(title: str, name: str) -> html.Section:
    return html.Section(
        [html.Div(html.H2(title), className="head"), html.Div(id=name)], className="card wide", id=f"{name}-card"
    )


def _footer() -> html.Footer:
    times = "Times are UTC and the shop's own. Longer graphs average over 3 or 15 minutes."
    return html.Footer(f"{times} The newest step is still filling: dotted, or an outline.")


def _machinery() -> list[Any]:
    return [dcc.Interval(id="tick", interval=int(1000 * REFRESH_S)), dcc.Store(id="scheme")]
