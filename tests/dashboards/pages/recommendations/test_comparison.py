"""Planned comparisons: whose share is compared with whose, and that all of them share one error."""

import pytest

from dashboards.pages.recommendations import comparison, statistics
from dashboards.pages.recommendations.comparison import PLANNED, compared
from dashboards.pages.recommendations.queries import Measured, Wins
from dashboards.pages.recommendations.statistics import Sample

NO_WINS = Wins(0, 0, 0)


def measured(variant: str, measure: str, share: float) -> Measured:
    return Measured(variant, measure, Sample(20_000, 100_000, int(100_000 * share), 4.0, 1.0, 0.5))


def test_the_session_s_lists_are_compared_with_what_is_popular_and_with_none() -> None:
    rows = [
        measured("session", "conversion", 0.06),
        measured("popular", "conversion", 0.04),
        measured("none", "conversion", 0.06),
    ]
    against_popular, against_none, *others = compared(rows, NO_WINS)
    assert (against_popular.planned.rival, against_popular.verdict) == ("popular", "better")
    assert (against_none.planned.rival, against_none.verdict) == ("none", "undecided")
    assert against_popular.difference is not None
    assert against_popular.difference.value == pytest.approx(0.02)
    assert {one.difference for one in others} == {None}
    assert {one.verdict for one in others} == {"undecided"}


def test_views_of_interleaved_lists_are_votes() -> None:
    (wins,) = [one for one in compared([], Wins(3000, 1500, 900)) if one.planned.measure == "wins"]
    assert wins.verdict == "better"
    assert wins.difference is not None
    assert wins.difference.value == pytest.approx(3000 / 4500 - 0.5)


def test_all_comparisons_together_have_the_error_of_one() -> None:
    assert len(PLANNED) * comparison.ALPHA == pytest.approx(statistics.ALPHA)
    one = statistics.difference(
        *(measured("a", "b", share).sample for share in (0.06, 0.04)), scale=0.01, alpha=comparison.ALPHA
    )
    first = compared([measured("session", "conversion", 0.06), measured("popular", "conversion", 0.04)], NO_WINS)[0]
    assert first.difference == one


def test_each_comparison_has_a_measure_with_a_name() -> None:
    assert {planned.measure for planned in PLANNED} == comparison.MEASURES.keys()
    assert [comparison.named(word) for word in ("none", "a new one")] == ["no lists", "a new one"]
