"""Figures: what is final, what is young, and that gaps stay gaps."""

from datetime import UTC, datetime, timedelta

from dashboards.look.figures import SCHEMES
from dashboards.pages.recommendations import figures
from dashboards.pages.recommendations.series import WINDOWS, Point

FIRST = datetime(2026, 11, 22, 12, tzinfo=UTC)
SCHEME, WINDOW = SCHEMES["light"], WINDOWS["1h"]
STEPS = [timedelta(minutes=5 * number) for number in range(4)]
SERIES = {
    "popular": [Point(FIRST + step, False, 100, 0.1, 0.01) for step in STEPS],
    "session": [
        Point(FIRST, False, 1200, 0.3, 0.03),
        Point(FIRST + STEPS[1], False, 0, None, None),
        Point(FIRST + STEPS[2], True, 50, 0.2, 0.02),
        Point(FIRST + STEPS[3], True, 10, 0.1, 0.01),
    ],
}


def test_each_variant_is_solid_while_final_and_dotted_from_its_last_final_step() -> None:
    solid, dotted, marks = figures.hit_rates(SERIES, WINDOW, SCHEME).data[3:]
    assert (list(solid.y), solid.line.dash) == ([0.3, None], None)
    assert (list(dotted.y), dotted.line.dash) == ([None, 0.2, 0.1], "dot")
    assert list(marks.marker.symbol) == ["circle", "circle", "circle-open", "circle-open"]
    assert list(marks.customdata[:3]) == ["of 1,200 lists", "of 0 lists", f"of 50 lists, {figures.YOUNG}"]
    assert (marks.name, marks.marker.color) == ("session", SCHEME.teal)


def test_click_through_is_of_products() -> None:
    *_, marks = figures.click_through(SERIES, WINDOW, SCHEME).data
    assert list(marks.y) == [0.03, None, 0.02, 0.01]


def test_a_variant_that_nobody_planned_is_drawn_all_the_same() -> None:
    *_, marks = figures.hit_rates({"a new one": SERIES["popular"]}, WINDOW, SCHEME).data
    assert (marks.name, marks.marker.color) == ("a new one", SCHEME.text)
