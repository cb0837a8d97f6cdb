"""Figures: what is drawn full, and what is drawn as still filling."""

from datetime import UTC, datetime, timedelta

from dashboards.look.figures import SCHEMES
from dashboards.pages.live import figures
from dashboards.pages.live.series import WINDOWS, Point

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
WINDOW = WINDOWS["30m"]
SCHEME = SCHEMES["light"]
POINTS = [Point(NOON + timedelta(minutes=i), float(i), 100.0 * i, None if i == 1 else 0.03) for i in range(4)]


def test_the_step_still_filling_is_dotted_and_joins_the_line() -> None:
    full, filling = figures.gmv(POINTS, WINDOW, "BRL", SCHEME).data
    assert list(full.y) == [0, 100, 200]
    assert list(filling.y) == [200, 300]
    assert filling.line.dash == "dot"
    assert figures.PARTIAL in filling.hovertemplate
    assert "R$" in full.hovertemplate


def test_the_bar_still_filling_is_an_outline() -> None:
    (bars,) = figures.orders(POINTS, WINDOW, SCHEME).data
    assert list(bars.y) == [0, 1, 2, 3]
    assert bars.marker.color[0] == SCHEME.blue
    assert bars.marker.color[-1].startswith("rgba")
    assert list(bars.customdata) == ["", "", "", f", {figures.PARTIAL}"]


def test_minutes_without_sessions_are_gaps() -> None:
    full, _ = figures.conversion(POINTS, WINDOW, SCHEME).data
    assert list(full.y) == [0.03, None, 0.03]
    assert not full.connectgaps


def test_decisions_are_stacked_in_their_colours() -> None:
    starts = [point.at for point in POINTS]
    figure = figures.decisions(starts, [1, 0, 2, 1], [0, 1, 0, 0], WINDOW, SCHEME)
    assert figure.layout.barmode == "stack"
    assert [(bar.name, sum(bar.y), bar.marker.color[0]) for bar in figure.data] == [
        ("review", 4, SCHEME.amber),
        ("decline", 1, SCHEME.red),
    ]


def test_a_refresh_keeps_the_readers_view() -> None:
    assert figures.orders(POINTS, WINDOW, SCHEME).layout.uirevision == WINDOW.label
