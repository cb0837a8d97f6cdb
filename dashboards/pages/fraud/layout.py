"""The fraud page without its data: tiles, the review queue, judged days, drift, model versions and
the challenger.
"""

from typing import Any

from dash import html

from dashboards.look.frame import card, choice, frame, graph
from dashboards.pages.fraud.board import DAYS_JUDGED, REFRESH_S

GRAPH_HEIGHT = "210px"
SHOWN = {"all": "All", "review": "To review", "decline": "Declined"}
FOOTER = (
    f"Times are UTC and the shop's own: the last 24 h and the {DAYS_JUDGED} days judged end with the newest scored payment. "
    "Stopped means held for review or declined. Days whose labels still mature are dotted, or outlines."
)


def page() -> html.Div:
    """Return the whole page; the callbacks fill it."""
    return frame("Fraud", [html.Div(id="pulse", role="status")], _body(), FOOTER, REFRESH_S)


def _body() -> list[Any]:
    shown = choice("shown", SHOWN, "all", "Decisions in the list")
    models = [card("versions", "Models, last 24 h"), card("shadow", "Shadow against champion")]
    return [
        html.Div(id="notices"),
        html.Dl(id="tiles", className="tiles"),
        html.Div(card("queue", "Payments held or declined, last 24 h", "full", shown), className="grid"),
        html.Div(
            [_graph("quality", "Precision and recall per day of payment"), _graph("money", "Fraud caught and missed")],
            className="grid",
        ),
        html.P(id="labels", className="remark"),
        html.Div(
            [_graph("drift", "Share of payments by probability in percent"), html.Div(models, className="wide pile")],
            className="grid",
        ),
        html.P(id="drift-note", className="remark"),
    ]


def _graph(name: str, title: str) -> html.Section:
    return graph(name, title, "wide", GRAPH_HEIGHT)
