"""Series of the shop to Plotly figures. Pure: no IO, no clock."""

from datetime import datetime

import plotly.graph_objects as go

from dashboards.look import formats
from dashboards.look.figures import Scheme, hover, styled, tint
from dashboards.pages.live.series import Point, Window

PARTIAL = "still filling"


def gmv(points: list[Point], window: Window, currency: str, scheme: Scheme) -> go.Figure:
    """Return GMV per minute as an area; the step still filling is a dotted line."""
    symbol = formats.SYMBOLS.get(currency, currency)
    figure = _line([p.at for p in points], [p.gmv for p in points], scheme.teal, f"{symbol} %{{y:,.0f}}", filled=True)
    return _timed(figure, window, scheme).update_yaxes(tickformat="~s")


def orders(points: list[Point], window: Window, scheme: Scheme) -> go.Figure:
    """Return orders per minute as bars; the bar still filling is an outline."""
    template = "%{y:,.0f} orders" if window.step == 1 else "%{y:,.1f} orders per minute"
    figure = go.Figure(_bars([p.at for p in points], [p.orders for p in points], scheme.blue, template, ""))
    return _timed(figure, window, scheme)


def conversion(points: list[Point], window: Window, scheme: Scheme) -> go.Figure:
    """Return orders per session as a line; minutes without sessions are gaps."""
    figure = _line([p.at for p in points], [p.conversion for p in points], scheme.violet, "%{y:.2%}", filled=False)
    figure = _timed(figure, window, scheme)
    return figure.update_yaxes(tickformat=".1~%")


def decisions(starts: list[datetime], review: list[float], decline: list[float], window: Window, scheme: Scheme) -> go.Figure:
    """Return payments held for review and declined per minute as stacked bars; approvals would
    dwarf them.
    """
    figure = go.Figure()
    figure.add_trace(_bars(starts, review, scheme.amber, "review: %{y:,.3~g}", "review"))
    figure.add_trace(_bars(starts, decline, scheme.red, "decline: %{y:,.3~g}", "decline"))
    return _timed(figure, window, scheme).update_layout(barmode="stack")


def _line(
    at: list[datetime], values: list[float | None] | list[float], colour: str, template: str, *, filled: bool
) -> go.Figure:
    fill = {"fill": "tozeroy", "fillcolor": tint(colour)} if filled else {}
    shape = {"color": colour, "width": 2}
    figure = go.Figure()
    figure.add_scatter(x=at[:-1], y=values[:-1], mode="lines", line=shape, hovertemplate=hover(template), name="", **fill)
    dotted = {**shape, "dash": "dot"}
    figure.add_scatter(
        x=at[-2:],
        y=values[-2:],
        mode="lines",
        line=dotted,
        hovertemplate=hover(template, PARTIAL),
        name=PARTIAL,
        connectgaps=True,
    )
    return figure


def _bars(at: list[datetime], values: list[float], colour: str, template: str, name: str) -> go.Bar:
    fills = [colour] * (len(at) - 1) + [tint(colour)] if at else []
    edges = [0] * (len(at) - 1) + [1.5] if at else []
    notes = [""] * (len(at) - 1) + [f", {PARTIAL}"] if at else []
    marker = {"color": fills, "line": {"width": edges, "color": colour}}
    return go.Bar(x=at, y=values, name=name, marker=marker, customdata=notes, hovertemplate=hover(template + "%{customdata}"))


def _timed(figure: go.Figure, window: Window, scheme: Scheme) -> go.Figure:
    return styled(figure, scheme, window.label).update_xaxes(tickformat="%H:%M", hoverformat="%H:%M UTC", nticks=5)
