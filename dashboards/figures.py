"""Series to Plotly figures, in a light and a dark scheme. Pure: no IO, no clock."""

from datetime import datetime
from typing import NamedTuple

import plotly.graph_objects as go

from dashboards import formats
from dashboards.series import Point, Window

PARTIAL = "still filling"


class Scheme(NamedTuple):
    """Colours of one colour scheme; they match assets/live.css."""

    text: str
    grid: str
    surface: str
    gmv: str
    orders: str
    conversion: str
    review: str
    decline: str


SCHEMES = {
    "light": Scheme("#5a6675", "#e6eaef", "#ffffff", "#0b7a75", "#3f5bb5", "#8a4b9c", "#c98412", "#c2362b"),
    "dark": Scheme("#9dabba", "#263240", "#161e27", "#3cc4b7", "#8aa2ff", "#cf92e0", "#e5ab4a", "#f0766b"),
}
FONT = "Inter, system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif"


def gmv(points: list[Point], window: Window, currency: str, scheme: Scheme) -> go.Figure:
    """Return GMV per minute as an area; the step still filling is a dotted line."""
    symbol = formats.SYMBOLS.get(currency, currency)
    figure = _line([p.at for p in points], [p.gmv for p in points], scheme.gmv, f"{symbol} %{{y:,.0f}}", filled=True)
    return _dressed(figure, window, scheme, rangemode="tozero").update_yaxes(tickformat="~s")


def orders(points: list[Point], window: Window, scheme: Scheme) -> go.Figure:
    """Return orders per minute as bars; the bar still filling is an outline."""
    template = "%{y:,.0f} orders" if window.step == 1 else "%{y:,.1f} orders per minute"
    figure = go.Figure(_bars([p.at for p in points], [p.orders for p in points], scheme.orders, template, ""))
    return _dressed(figure, window, scheme, rangemode="tozero")


def conversion(points: list[Point], window: Window, scheme: Scheme) -> go.Figure:
    """Return orders per session as a line; minutes without sessions are gaps."""
    figure = _line([p.at for p in points], [p.conversion for p in points], scheme.conversion, "%{y:.2%}", filled=False)
    figure = _dressed(figure, window, scheme, rangemode="tozero")
    return figure.update_yaxes(tickformat=".1~%")


def decisions(starts: list[datetime], review: list[float], decline: list[float], window: Window, scheme: Scheme) -> go.Figure:
    """Return payments held for review and declined per minute as stacked bars; approvals would dwarf them."""
    figure = go.Figure()
    figure.add_trace(_bars(starts, review, scheme.review, "review: %{y:,.3~g}", "review"))
    figure.add_trace(_bars(starts, decline, scheme.decline, "decline: %{y:,.3~g}", "decline"))
    return _dressed(figure, window, scheme, rangemode="tozero").update_layout(barmode="stack")


def waiting(window: Window, scheme: Scheme, sentence: str) -> go.Figure:
    """Return empty axes with a sentence that says what is missing."""
    figure = _dressed(go.Figure(), window, scheme, rangemode="tozero")
    figure.update_xaxes(visible=False).update_yaxes(visible=False)
    return figure.add_annotation(text=sentence, x=0.5, y=0.5, xref="paper", yref="paper", showarrow=False)


def _line(
    at: list[datetime], values: list[float | None] | list[float], colour: str, template: str, *, filled: bool
) -> go.Figure:
    fill = {"fill": "tozeroy", "fillcolor": _faint(colour)} if filled else {}
    shape = {"color": colour, "width": 2}
    figure = go.Figure()
    figure.add_scatter(x=at[:-1], y=values[:-1], mode="lines", line=shape, hovertemplate=_hover(template), name="", **fill)
    dotted = {**shape, "dash": "dot"}
    figure.add_scatter(
        x=at[-2:],
        y=values[-2:],
        mode="lines",
        line=dotted,
        hovertemplate=_hover(template, PARTIAL),
        name=PARTIAL,
        connectgaps=True,
    )
    return figure


def _bars(at: list[datetime], values: list[float], colour: str, template: str, name: str) -> go.Bar:
    fills = [colour] * (len(at) - 1) + [_faint(colour)] if at else []
    edges = [0] * (len(at) - 1) + [1.5] if at else []
    notes = [""] * (len(at) - 1) + [f", {PARTIAL}"] if at else []
    marker = {"color": fills, "line": {"width": edges, "color": colour}}
    return go.Bar(x=at, y=values, name=name, marker=marker, customdata=notes, hovertemplate=_hover(template + "%{customdata}"))


def _hover(template: str, note: str = "") -> str:
    return f"{template}{', ' + note if note else ''}<extra></extra>"


def _faint(colour: str) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.16)"


def _dressed(figure: go.Figure, window: Window, scheme: Scheme, rangemode: str) -> go.Figure:
    """Give a figure the page's look; `uirevision` keeps a reader's zoom from one refresh to the next."""
    axis = {"gridcolor": scheme.grid, "zeroline": False, "tickfont": {"size": 11}, "fixedrange": True}
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
        uirevision=window.label,
    )
    figure.update_xaxes(**axis, showgrid=False, tickformat="%H:%M", hoverformat="%H:%M UTC", nticks=5, automargin=True)
    return figure.update_yaxes(**axis, rangemode=rangemode, nticks=5, automargin=True)
