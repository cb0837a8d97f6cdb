"""Decisions cost what they are said to cost, and no other pair of thresholds within the reviewers'
time costs less.
"""

from itertools import combinations_with_replacement

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from pipelines.base.costs import Costs
from pipelines.fraud.model.decisions import Numbers, cheapest, cost, decide, saved
from pipelines.fraud.model.policy import Thresholds

COSTS = Costs(false_decline_share=0.25, chargeback_fee=20, review=4, caught_by_review=0.75, reviews_per_day=10)
BUSY = Costs(false_decline_share=1, chargeback_fee=0, review=1, caught_by_review=1, reviews_per_day=1)
Payments = list[tuple[float, bool, float]]

# Few different probabilities, so that many are equal.
PAYMENTS = st.lists(
    st.tuples(st.one_of(st.sampled_from([0.0, 0.2, 0.5, 1.0]), st.floats(0, 1)), st.booleans(), st.integers(0, 500)),
    max_size=14,
)
ANY_COSTS = st.builds(
    Costs,
    false_decline_share=st.floats(0, 3),
    chargeback_fee=st.floats(0, 100),
    review=st.floats(0, 30),
    caught_by_review=st.floats(0, 1),
    reviews_per_day=st.integers(0, 8),
)


def columns(payments: Payments) -> tuple[Numbers, Numbers, Numbers]:
    probability, fraud, amount = np.array(payments, np.float64).reshape(-1, 3).T
    return probability, fraud, amount


@pytest.mark.parametrize(
    ("decision", "fraud", "costs"),
    [("approve", 0, 0), ("approve", 1, 120), ("review", 0, 4), ("review", 1, 34), ("decline", 0, 25), ("decline", 1, 0)],
)
def test_what_a_decision_on_a_hundred_costs(decision, fraud, costs):
    assert cost(np.array([decision]), np.array([float(fraud)]), np.array([100.0]), COSTS) == [costs]


def test_decisions_begin_at_their_thresholds():
    made = decide(np.array([0.19, 0.2, 0.79, 0.8]), Thresholds(review_at=0.2, decline_at=0.8))
    assert made.tolist() == ["approve", "review", "review", "decline"]


def test_thresholds_in_the_wrong_order_are_refused():
    with pytest.raises(ValidationError, match=r"review_at 0\.9 is above decline_at 0\.8"):
        Thresholds(review_at=0.9, decline_at=0.8)


# Two reviews would cost least: there is time for one in the first case, for both in the second.
@example(payments=[(0.9, False, 100), (0.8, True, 100), (0.7, True, 10)], costs=BUSY, days=1)
@example(payments=[(0.9, False, 100), (0.9, True, 100)], costs=BUSY, days=2)
@given(payments=PAYMENTS, costs=ANY_COSTS, days=st.integers(1, 3))
def test_no_cheaper_pair_of_thresholds_keeps_within_the_reviewers_time(payments, costs, days):
    probability, fraud, amount = columns(payments)

    def outcome(thresholds: Thresholds) -> tuple[float, int]:
        made = decide(probability, thresholds)
        return float(cost(made, fraud, amount, costs).sum()), int((made == "review").sum())

    spent, reviews = outcome(cheapest(probability, fraud, amount, costs, days))
    assert reviews <= costs.reviews_per_day * days
    grid = sorted({0.0, 1.5, *probability.tolist()})
    every_pair = [outcome(Thresholds(review_at=low, decline_at=high)) for low, high in combinations_with_replacement(grid, 2)]
    least = min(spent for spent, reviews in every_pair if reviews <= costs.reviews_per_day * days)
    assert spent == pytest.approx(least, abs=1e-6)


def test_without_reviewers_nothing_is_reviewed():
    probability, fraud, amount = columns([(0.1, False, 50), (0.5, True, 50), (0.9, True, 50)])
    thresholds = cheapest(probability, fraud, amount, COSTS.model_copy(update={"reviews_per_day": 0}), days=1)
    assert decide(probability, thresholds).tolist() == ["approve", "decline", "decline"]


def test_a_probability_higher_than_all_seen_can_still_be_declined():
    probability, fraud, amount = columns([(0.1, False, 50), (0.2, False, 50)])
    thresholds = cheapest(probability, fraud, amount, COSTS, days=1)
    assert decide(np.array([0.2, 0.99]), thresholds).tolist() == ["approve", "decline"]


def test_what_is_saved_is_net_of_reviews_and_false_declines():
    probability, fraud, amount = columns([(0.9, True, 100), (0.9, False, 100), (0.5, True, 100), (0.1, True, 100)])
    thresholds = Thresholds(review_at=0.4, decline_at=0.8)
    assert saved(probability, fraud, amount, thresholds, COSTS) == 120 - 25 + (120 - 34)
