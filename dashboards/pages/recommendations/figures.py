"""Series of what was shown to Plotly figures. Pure: no IO, no clock."""

from collections.abc import Callable, Mapping

import plotly.graph_objects as go

from dashboards.look.figures import Scheme, hover, styled
from dashboards.pages.recommendations.comparison import named
from dashboards.pages.recommendations.series import Point, Window

YOUNG = "visitors may still click"
# A variant without a colour of its own is drawn as words are.
COLOURS = {"session": "teal", "popular": "blue", "interleaved": "violet"}
OTHER = "muted"


def hit_rates(series: Mapping[str, list[Point]], window: Window, scheme: Scheme) -> go.Figure:
    """Return per variant the share of lists of which a product was viewed."""
    return _shares(series, lambda point: point.hit_rate, window, scheme)


def click_through(series: Mapping[str, list[Point]], window: Window, scheme: Scheme) -> go.Figure:
    """Return per variant the share of products shown that were clicked on the list."""
    return _shares(series, lambda point: point.click_through, window, scheme)


def _shares(
    series: Mapping[str, list[Point]], share: Callable[[Point], float | None], window: Window, scheme: Scheme
) -> go.Figure:
    figure = go.Figure()
    for variant, points in series.items():
        _line(figure, points, share, scheme._asdict().get(COLOURS.get(variant, ""), scheme.text), named(variant))
    figure = styled(figure, scheme, window.label).update_yaxes(tickformat="~%")
    return figure.update_xaxes(tickformat="%H:%M", hoverformat="%a %H:%M UTC", nticks=6)


def _line(figure: go.Figure, points: list[Point], share: Callable[[Point], float | None], colour: str, name: str) -> None:
    at, values = [point.at for point in points], [share(point) for point in points]
    old = sum(not point.young for point in points)
    joint = max(old - 1, 0)  # the dotted line starts at the last old step, so that the two join
    shape = {"color": colour, "width": 2}
    figure.add_scatter(x=at[:old], y=values[:old], mode="lines", line=shape, hoverinfo="skip")
    figure.add_scatter(x=at[joint:], y=values[joint:], mode="lines", line={**shape, "dash": "dot"}, hoverinfo="skip")
    notes = [f"of {point.lists:,} lists{f', {YOUNG}' if point.young else ''}" for point in points]
    marker = {"color": colour, "size": 6, "symbol": ["circle-open" if point.young else "circle" for point in points]}
    template = hover(f"{name}: %{{y:.1%}} %{{customdata}}")
    figure.add_scatter(x=at, y=values, mode="markers", marker=marker, name=name, customdata=notes, hovertemplate=template)
