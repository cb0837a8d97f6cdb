"""Figures: what is final, what still matures, and that nothing is drawn as zero that is not
known.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from dashboards.look.figures import SCHEMES
from dashboards.pages.fraud import figures
from dashboards.pages.fraud.drift import EDGES, Distributions
from dashboards.pages.fraud.maturity import Day

FIRST = datetime(2026, 11, 1, tzinfo=UTC)
SCHEME = SCHEMES["light"]


def a_day(number: int, *, mature: bool, **changes: Any) -> Day:
    made = Day(FIRST + timedelta(days=number), mature, 100, 10, 8, 6, 1, Decimal("60.50"), Decimal(20), 0)
    return made._replace(**changes)


DAYS = [a_day(0, mature=True), a_day(1, mature=True, stopped=0, caught=0), a_day(2, mature=False), a_day(3, mature=False)]


def test_mature_days_are_solid_and_young_ones_dotted_from_the_last_mature_one() -> None:
    solid, dotted, marks, *_ = figures.quality(DAYS, SCHEME).data
    assert (list(solid.x), list(solid.y), solid.line.dash) == ([d.at for d in DAYS[:2]], [0.6, None], None)
    assert (list(dotted.x), list(dotted.y), dotted.line.dash) == ([d.at for d in DAYS[1:]], [None, 0.6, 0.6], "dot")
    assert list(marks.marker.symbol) == ["circle", "circle", "circle-open", "circle-open"]
    assert list(marks.customdata) == ["", "", *[f", {figures.MATURING}"] * 2]
    assert (marks.name, list(marks.y)) == ("precision", [0.6, None, 0.6, 0.6])


def test_recall_has_its_own_line() -> None:
    *_, marks = figures.quality(DAYS, SCHEME).data
    assert (marks.name, list(marks.y), marks.marker.color) == ("recall", [0.75, 0.0, 0.75, 0.75], SCHEME.violet)


def test_days_without_a_mature_one_are_all_dotted() -> None:
    solid, dotted, *_ = figures.quality(DAYS[2:], SCHEME).data
    assert (len(solid.x), len(dotted.x)) == (0, 2)


def test_money_is_stacked_and_an_outline_while_labels_mature() -> None:
    figure = figures.money(DAYS, "BRL", SCHEME)
    caught, missed = figure.data
    assert figure.layout.barmode == "stack"
    assert (caught.y[0], missed.y[0]) == (60.5, 20)
    assert (caught.marker.color[0], caught.marker.line.width[0]) == (SCHEME.teal, 0)
    assert caught.marker.color[2].startswith("rgba")
    assert caught.marker.line.width[2] > 0
    assert "R$" in caught.hovertemplate


def test_distributions_are_shares_and_an_empty_class_has_no_bar() -> None:
    before, now = [0] * 12, [0] * 12
    before[0], before[11], now[4] = 3, 1, 5
    drawn = figures.drift(Distributions(before, now), SCHEME)
    assert [list(bar.y) for bar in drawn.data] == [[0.75, *[None] * 10, 0.25], [*[None] * 4, 1.0, *[None] * 7]]
    assert list(drawn.data[0].customdata) == before
    assert drawn.layout.yaxis.type == "log"


def test_every_class_has_a_name() -> None:
    names = figures.class_names()
    assert len(names) == len(set(names)) == len(EDGES) + 1
    assert (names[0], names[1], names[-1]) == ("<0.1", "0.1-0.2", "≥80")
