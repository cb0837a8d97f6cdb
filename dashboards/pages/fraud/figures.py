"""Judged days and distributions of probability to Plotly figures. Pure: no IO, no clock."""

from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise

import plotly.graph_objects as go

from dashboards.look import formats
from dashboards.look.figures import Scheme, hover, styled, tint
from dashboards.pages.fraud.drift import EDGES, Distributions, shares
from dashboards.pages.fraud.maturity import Day

MATURING = "still maturing"
HALF_A_DAY = timedelta(hours=12)


def quality(days: list[Day], scheme: Scheme) -> go.Figure:
    """Return precision and recall per day of payment; days whose labels still mature are dotted,
    with open marks.
    """
    figure = go.Figure()
    _shares(figure, days, lambda day: day.precision, scheme.blue, "precision")
    _shares(figure, days, lambda day: day.recall, scheme.violet, "recall")
    return _daily(figure, days, scheme, "quality").update_yaxes(tickformat=".0%", range=[0, 1.04])


def money(days: list[Day], currency: str, scheme: Scheme) -> go.Figure:
    """Return the amount of fraud per day of payment, caught and missed stacked; maturing days are
    outlines.
    """
    figure = go.Figure()
    figure.add_trace(_amounts(days, lambda day: float(day.caught_amount), currency, scheme.teal, "caught"))
    figure.add_trace(_amounts(days, lambda day: float(day.missed_amount), currency, scheme.red, "missed"))
    return _daily(figure, days, scheme, "money").update_layout(barmode="stack").update_yaxes(tickformat="~s")


def drift(known: Distributions, scheme: Scheme) -> go.Figure:
    """Return the share of payments in each class of probability, the week before and now; the scale
    is logarithmic.
    """
    figure = go.Figure()
    for name, counts, colour in (("week before", known.before, scheme.text), ("last 24 h", known.now, scheme.blue)):
        held = [share or None for share in shares(counts)]  # a logarithm has no place for nothing
        template = hover(f"{name}: %{{y:.2~%}}, %{{customdata:,}} payments")
        figure.add_bar(x=class_names(), y=held, customdata=counts, name=name, marker={"color": colour}, hovertemplate=template)
    return styled(figure, scheme, "drift").update_yaxes(type="log", tickformat="~%", dtick=1)


def class_names() -> list[str]:
    """Return each class of probability in percent: "<0.1", "0.1-0.2", …, "≥80"."""
    marks = [f"{100 * edge:g}" for edge in EDGES]
    return [f"<{marks[0]}", *("-".join(pair) for pair in pairwise(marks)), f"≥{marks[-1]}"]


def _shares(figure: go.Figure, days: list[Day], share: Callable[[Day], float | None], colour: str, name: str) -> None:
    at, values = [day.at for day in days], [share(day) for day in days]
    young = sum(day.mature for day in days)
    joint = max(young - 1, 0)  # the dotted line starts at the last mature day, so that the two join
    shape = {"color": colour, "width": 2}
    figure.add_scatter(x=at[:young], y=values[:young], mode="lines", line=shape, hoverinfo="skip")
    figure.add_scatter(x=at[joint:], y=values[joint:], mode="lines", line={**shape, "dash": "dot"}, hoverinfo="skip")
    marker = {"color": colour, "size": 6, "symbol": ["circle" if day.mature else "circle-open" for day in days]}
    template = hover(f"{name}: %{{y:.1%}}%{{customdata}}")
    figure.add_scatter(
        x=at, y=values, mode="markers", marker=marker, name=name, customdata=_notes(days), hovertemplate=template
    )


def _amounts(days: list[Day], amount: Callable[[Day], float], currency: str, colour: str, name: str) -> go.Bar:
    symbol = formats.SYMBOLS.get(currency, currency)
    marker = {
        "color": [colour if day.mature else tint(colour) for day in days],
        "line": {"width": [0 if day.mature else 1.5 for day in days], "color": colour},
    }
    template = hover(f"{name}: {symbol} %{{y:,.0f}}%{{customdata}}")
    at = [day.at for day in days]
    return go.Bar(
        x=at, y=[amount(day) for day in days], name=name, marker=marker, customdata=_notes(days), hovertemplate=template
    )


def _notes(days: list[Day]) -> list[str]:
    return ["" if day.mature else f", {MATURING}" for day in days]


def _daily(figure: go.Figure, days: list[Day], scheme: Scheme, revision: str) -> go.Figure:
    """Dress a figure of days; its axis has all of them, so that figures beside each other can be
    compared.
    """
    ends = [days[0].at - HALF_A_DAY, days[-1].at + HALF_A_DAY]
    figure = styled(figure, scheme, revision)
    return figure.update_xaxes(tickformat="%-d %b", hoverformat="%a %-d %b", nticks=8, range=ends)
