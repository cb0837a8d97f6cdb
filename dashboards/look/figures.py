"""What every figure shares: the colours of a light and a dark scheme, and the look. Pure: no IO, no
clock.
"""

from typing import NamedTuple

import plotly.graph_objects as go

from dashboards.look.theme import FONT


class Scheme(NamedTuple):
    """Colours of one colour scheme; assets/pages.css has those with a name of their own again."""

    text: str
    grid: str
    surface: str
    teal: str
    blue: str
    violet: str
    amber: str
    red: str


SCHEMES = {
    "light": Scheme("#5a6675", "#e6eaef", "#ffffff", "#0b7a75", "#3f5bb5", "#8a4b9c", "#c98412", "#c2362b"),
    "dark": Scheme("#9dabba", "#263240", "#161e27", "#3cc4b7", "#8aa2ff", "#cf92e0", "#e5ab4a", "#f0766b"),
}


def styled(figure: go.Figure, scheme: Scheme, revision: str) -> go.Figure:
    """Give a figure the pages' look; one revision keeps a reader's zoom from one refresh to the
    next.
    """
    axis = {"gridcolor": scheme.grid, "zeroline": False, "tickfont": {"size": 11}, "fixedrange": True, "automargin": True}
    figure.update_layout(
        template=None,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": FONT, "size": 12, "color": scheme.text},
        margin={"l": 8, "r": 8, "t": 6, "b": 4},
        hovermode="x unified",
        hoverlabel={"bgcolor": scheme.surface, "bordercolor": scheme.grid, "font": {"color": scheme.text}},
        showlegend=False,
        bargap=0.25,
        uirevision=revision,
    )
    figure.update_xaxes(**axis, showgrid=False)
    return figure.update_yaxes(**axis, rangemode="tozero", nticks=5)


def empty(scheme: Scheme, sentence: str) -> go.Figure:
    """Return a figure without axes that says in a sentence what is missing."""
    figure = styled(go.Figure(), scheme, "empty").update_xaxes(visible=False).update_yaxes(visible=False)
    return figure.add_annotation(text=sentence, x=0.5, y=0.5, xref="paper", yref="paper", showarrow=False)


def hover(template: str, note: str = "") -> str:
    """Return what is shown under the pointer, with a note behind it."""
    return f"{template}{', ' + note if note else ''}<extra></extra>"


def tint(colour: str) -> str:
    """Return the colour as a tint, for what is not final."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.16)"
