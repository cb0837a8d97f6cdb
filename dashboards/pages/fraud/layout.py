"""The fraud page without its data: tiles, the review queue, judged days, drift, model versions and
the challenger.
"""

from typing import Any

import dash_mantine_components as dmc
from dash import html

from dashboards.look import cards, tables
from dashboards.look.frame import Layout
from dashboards.look.inputs import choice
from dashboards.look.messages import remark
from dashboards.look.tables import Column
from dashboards.pages.fraud.board import DAYS_JUDGED, REFRESH_S

GRAPH_HEIGHT = "210px"
QUEUE_HEIGHT = "330px"
GRAPHS = {
    "quality": "Precision and recall per day of payment",
    "money": "Fraud caught and missed",
    "drift": "Share of payments by probability in percent",
}
SHOWN = {"all": "All", "review": "To review", "decline": "Declined"}
QUEUE = (
    Column("payment", "Payment", 80, drawn_as="id", share=4),
    Column("card", "Card", 80, drawn_as="id", share=4, roomy=True),
    Column("age", "Age", 52, share=3, roomy=True),
    Column("decision", "Decision", 84, drawn_as="badge", share=4),
    Column("probability", "Probability", 78, drawn_as="bar", share=5),
    Column("why", "Why", 120, drawn_as="small", share=14, roomy=True),
    Column("amount", "Amount", 88, drawn_as="number", share=4),
)
VERSIONS = (
    Column("model", "Model", 76, share=3),
    Column("payments", "Payments", 70, drawn_as="number", share=2),
    Column("review", "Review", 62, drawn_as="number", share=2),
    Column("decline", "Decline", 62, drawn_as="number", share=2),
    Column("degraded", "Degraded", 72, drawn_as="number", share=2, roomy=True),
)
FOOTER = (
    f"Times are UTC and the shop's own: the last 24 h and the {DAYS_JUDGED} days judged end with the newest scored payment. "
    "Stopped means held for review or declined. Days whose labels still mature are dotted, or outlines."
)


def layout() -> Layout:
    """Return the whole page; the callbacks fill it."""
    return Layout([html.Div(id="pulse", role="status")], _body(), FOOTER, REFRESH_S)


def _body() -> list[Any]:
    shown = choice("shown", SHOWN, "all", "Decisions in the list")
    models = [
        tables.table("versions", "Models, last 24 h", VERSIONS),
        cards.card("Shadow against champion", html.Div(id="shadow")),
    ]
    return [
        html.Div(id="notices"),
        cards.tiles(),
        cards.row((cards.WHOLE, tables.table("queue", "Payments held or declined, last 24 h", QUEUE, QUEUE_HEIGHT, shown))),
        cards.row((cards.HALF, _graph("quality")), (cards.HALF, _graph("money"))),
        remark(id="labels", mb="sm"),
        cards.row((cards.HALF, _graph("drift")), (cards.HALF, dmc.Stack(models, gap="sm"))),
        remark(id="drift-note", mb="sm"),
    ]


def _graph(name: str) -> Any:
    return cards.graph(name, GRAPHS[name], GRAPH_HEIGHT)
