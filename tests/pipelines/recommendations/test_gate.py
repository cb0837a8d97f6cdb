"""An index that is as good as the champion on sessions unseen by both is let through; one that is
worse, no better than popularity, slow, large, or that shows little is not.
"""

from functools import cache

import numpy as np
import pytest
from ids import NO_ID
from past_sessions import Row, a_past, rows_of

from pipelines.recommendations import gate, quality, training_sessions
from pipelines.recommendations.gate import Candidate, judge
from pipelines.recommendations.model import recommender
from pipelines.recommendations.model.building import build
from pipelines.recommendations.model.options import Options
from pipelines.recommendations.model.sessions import Catalogue, Sessions
from pipelines.recommendations.quality import Answers


def sessions_of(rows: list[Row]) -> Sessions:
    return training_sessions.gathered(rows_of(rows).to_batches(), 10_000, NO_ID)


@cache
def past() -> Sessions:
    return sessions_of(a_past(400))


@cache
def unseen() -> Sessions:
    return sessions_of(a_past(150, seed=8, first=1_000))


@cache
def candidate(version: str, wander: float = 0.1, products: int = 60) -> Candidate:
    """Return an index of another past of the same shop: the more its visitors wander, the less it
    knows.
    """
    sessions = sessions_of(a_past(400, wander=wander, products=products))
    arrays = build(sessions, Catalogue.unknown(len(sessions.products)), Options(learned=False))
    return Candidate(recommender.Model("shop", version, arrays), 1_000, 0)


def test_one_that_is_as_good_is_let_through_with_the_figures_of_both_and_of_popularity():
    verdict = judge(candidate("1"), candidate("2"), past(), unseen())
    assert verdict.promoted, verdict.reasons
    assert verdict.figures["champion_hr20_pct"] == verdict.figures["challenger_hr20_pct"] > 50
    assert verdict.figures["popularity_hr20_pct"] < verdict.figures["challenger_hr20_pct"]
    assert verdict.figures["unseen_sessions_count"] == 150
    assert verdict.reasons[0].startswith("hr20_pct ")


def test_one_that_is_better_is_let_through_and_the_worse_one_is_refused():
    good, bad = candidate("1"), candidate("2", wander=1.0)
    assert judge(bad, good, past(), unseen()).promoted
    verdict = judge(good, bad, past(), unseen())
    assert not verdict.promoted
    assert any(reason.startswith("likely worse than champion (100% of resamples): hr20_pct") for reason in verdict.reasons)


def test_one_that_is_no_better_than_popularity_is_refused_whatever_the_champion_is():
    lost = candidate("1", wander=1.0)
    popular = sessions_of(a_past(100, seed=9, products=4, first=2_000))
    verdict = judge(lost, lost, popular, popular)
    assert any(reason.startswith("likely worse than popularity") for reason in verdict.reasons), verdict


def test_one_that_shows_few_products_is_refused():
    few, unseen = sessions_of(a_past(300, products=15)), sessions_of(a_past(100, seed=8, products=15))
    verdict = judge(candidate("1"), candidate("2", products=15), few, unseen)
    assert not verdict.promoted
    assert any(reason.startswith("15 products come to be shown, fewer than ") for reason in verdict.reasons)


def test_one_that_is_large_or_slow_is_refused(monkeypatch):
    large = candidate("2")._replace(size=gate.LARGEST_BYTES + 1)
    assert judge(candidate("1"), large, past(), unseen()).reasons == ("bytes 2e+08 is above 2e+08",)
    monkeypatch.setattr(quality, "us_per_query", lambda models, questions: [300.0, 901.0])
    assert judge(candidate("1"), candidate("2"), past(), unseen()).reasons == ("us 901 is above 900",)
    monkeypatch.setattr(quality, "us_per_query", lambda models, questions: [4_000.0, 5_001.0])
    assert judge(candidate("1"), candidate("2"), past(), unseen()).reasons == ("us 5001 is above 5000",)


def test_too_few_questions_decide_nothing():
    verdict = judge(candidate("1"), candidate("2"), past(), sessions_of(a_past(5, first=1_000)))
    assert not verdict.promoted
    assert "are needed: let more sessions end" in verdict.reasons[0]
    assert judge(candidate("1"), candidate("2"), past(), training_sessions.NONE).figures["unseen_questions_count"] == 0


@pytest.mark.parametrize("sign", [1, -1])
def test_gains_are_resampled_by_session_and_add_up_per_question(sign):
    session = np.array([3, 3, 3, 8, 9])
    none, all_ = Answers.of_places(np.full(5, -1)), Answers.of_places(np.zeros(5, np.int64))
    before, new = (none, all_) if sign > 0 else (all_, none)
    gains = gate.resampled_gains(session, before, new)
    assert set(gains["hr20_pct"]) == set(gains["mrr20_pct"]) == {100.0 * sign}
    mixed = gate.resampled_gains(session, none, Answers.of_places(np.array([0, 0, 0, -1, -1])))["hr20_pct"]
    assert len(set(mixed)) > 3
    assert mixed.min() == 0
    assert mixed.max() == 100
