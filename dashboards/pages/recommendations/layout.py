"""The recommendations page without its data: tiles, two graphs, the experiment, one session's list,
what trends, and who makes the lists.
"""

from typing import Any

import dash_mantine_components as dmc
from dash import html

from dashboards.look import cards, tables
from dashboards.look.frame import Layout
from dashboards.look.inputs import choice
from dashboards.look.messages import remark
from dashboards.look.tables import Column
from dashboards.pages.recommendations.board import DAYS_COMPARED, REFRESH_S
from dashboards.pages.recommendations.series import WINDOWS

GRAPH_HEIGHT = "200px"
CLICKS_HEIGHT = "180px"
GRAPHS = {"hits": "Lists shown with a product viewed", "click-through": "Products shown that were clicked on the list"}
TYPED_FOR_MS = 400
LONGEST_ID = 200
VARIANTS = (
    Column("variant", "Variant", 72, share=3),
    Column("sessions", "Sessions ended", 104, drawn_as="number", share=3, roomy=True),
    Column("conversion", "With a purchase", 116, drawn_as="number", share=4),
    Column("lists", "Lists shown", 84, drawn_as="number", share=3, roomy=True),
    Column("viewed", "Product viewed", 140, drawn_as="number", share=4),
    Column("carted", "Product carted", 126, drawn_as="number", share=4, roomy=True),
    Column("bought", "Product bought", 126, drawn_as="number", share=4, roomy=True),
    Column("coverage", "Catalogue shown", 112, drawn_as="number", share=3, roomy=True),
)
COMPARISONS = (
    Column("measure", "Session's lists against", 146, share=5),
    Column("difference", "Difference, points", 116, drawn_as="number", share=3, roomy=True),
    Column("interval", "Always-valid interval", 140, drawn_as="number", share=3, roomy=True),
    Column("verdict", "Verdict", 180, drawn_as="badge", share=5),
)
LIST = (
    Column("place", "#", 34, drawn_as="number"),
    Column("product", "Product", 128, drawn_as="id", share=4),
    Column("category", "Category", 100, drawn_as="small", share=3, roomy=True),
    Column("reason", "Because", 150, drawn_as="small", share=8),
    Column("team", "List of", 66, drawn_as="small", share=2, roomy=True),
    Column("score", "Score", 54, drawn_as="number", share=2, roomy=True),
)
CLICKS = (
    Column("age", "Before", 56, share=2),
    Column("action", "Action", 132, drawn_as="badge", share=3),
    Column("product", "Product", 128, drawn_as="id", share=4),
    Column("category", "Category", 100, drawn_as="small", share=3, roomy=True),
)
MADE = (
    Column("model", "Index", 140, share=4),
    Column("fallback", "First product from", 120, share=4),
    Column("lists", "Lists", 62, drawn_as="number", share=2),
    Column("share", "Share", 66, drawn_as="number", share=2, roomy=True),
    Column("degraded", "Degraded", 72, drawn_as="number", share=2, roomy=True),
)
FOOTER = (
    f"Times are UTC and the shop's own: the last hour, 24 h and {DAYS_COMPARED} days end with the newest click with a list. "
    "What a visitor does within 30 minutes in the session is put down to what was shown: younger steps are dotted. "
    "Ranges are 95 % intervals over visitors."
)


def layout() -> Layout:
    """Return the whole page; the callbacks fill it."""
    windows = choice("window", {key: window.label for key, window in WINDOWS.items()}, "6h", "Length of the graphs")
    return Layout([html.Div(id="pulse", role="status"), windows], _body(), FOOTER, REFRESH_S)


def _body() -> list[Any]:
    return [
        html.Div(id="notices"),
        cards.tiles(),
        cards.row(*((cards.HALF, cards.graph(name, title, GRAPH_HEIGHT)) for name, title in GRAPHS.items())),
        cards.row((cards.WHOLE, tables.table("variants", f"Variants, last {DAYS_COMPARED} days", VARIANTS))),
        cards.row((cards.WHOLE, tables.table("comparisons", "Does it sell?", COMPARISONS))),
        remark(id="rule", mb="sm"),
        cards.row((cards.HALF, _list()), (cards.HALF, dmc.Stack(_behind_it(), gap="sm"))),
        remark(id="list-note", mb="sm"),
        cards.row(
            (cards.WHOLE, cards.card("Trending", html.Div(id="trending"), html.Span(id="trending-now", className="now")))
        ),
    ]


def _list() -> Any:
    return tables.table("list", "A session's list", LIST, aside=_picker())


def _behind_it() -> list[Any]:
    return [
        tables.table("clicks", "What led to it", CLICKS, CLICKS_HEIGHT),
        tables.table("made", "Who made the lists, last hour", MADE),
    ]


def _picker() -> dmc.Autocomplete:
    """Return where a session is typed or picked; without one the newest is shown."""
    return dmc.Autocomplete(
        id="session",
        placeholder="Session, or the newest",
        debounce=TYPED_FOR_MS,
        size="xs",
        w=230,
        clearable=True,
        attributes={"input": {"aria-label": "Session", "maxLength": LONGEST_ID}},
    )
