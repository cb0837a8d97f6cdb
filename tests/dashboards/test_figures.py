"""Figures: what is drawn full, what is drawn as still filling, and that both schemes can be read."""

from datetime import UTC, datetime, timedelta

import pytest

from dashboards import figures
from dashboards.series import WINDOWS, Point

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
WINDOW = WINDOWS["30m"]
SCHEME = figures.SCHEMES["light"]
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
    assert bars.marker.color[0] == SCHEME.orders
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
        ("review", 4, SCHEME.review),
        ("decline", 1, SCHEME.decline),
    ]


def test_waiting_says_for_what() -> None:
    figure = figures.waiting(WINDOW, SCHEME, "No orders yet")
    assert [note.text for note in figure.layout.annotations] == ["No orders yet"]
    assert not figure.data


def test_a_refresh_keeps_the_readers_view() -> None:
    assert figures.orders(POINTS, WINDOW, SCHEME).layout.uirevision == WINDOW.label


def luminance(colour: str) -> float:
    """Relative luminance after WCAG 2.2."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("name", figures.SCHEMES)
@pytest.mark.parametrize(
    ("part", "least"), [("text", 4.5), *((line, 3.0) for line in ("gmv", "orders", "conversion", "review", "decline"))]
)
def test_colours_hold_their_contrast(name: str, part: str, least: float) -> None:
    scheme = figures.SCHEMES[name]
    light, dark = sorted((luminance(getattr(scheme, part)), luminance(scheme.surface)), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= least
