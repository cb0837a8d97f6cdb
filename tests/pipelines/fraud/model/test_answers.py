"""What a model answers of payments, and that a person looks where it gives no number."""

import numpy as np
import pytest
from fraud_models import BLANK, DEAR, a_blank_booster, a_model, a_policy
from hypothesis import given
from hypothesis import strategies as st

from pipelines.base.arrays import Floats
from pipelines.fraud.features.feature_set import FEATURES
from pipelines.fraud.model import decisions, fraud_model
from pipelines.fraud.model.answers import NO_NUMBER, answers


def rows(*amounts: float) -> Floats:
    made = np.zeros((len(amounts), len(FEATURES)), np.float32)
    made[:, 0] = amounts
    return made


def test_probabilities_decisions_and_reasons_are_those_of_the_model_each_in_its_row():
    given = answers(a_model(), rows(2 * DEAR, 10, 2 * DEAR))
    np.testing.assert_array_equal(given.probability, fraud_model.predict(a_model(), rows(2 * DEAR, 10, 2 * DEAR)))
    assert given.decision.tolist() == ["decline", "approve", "decline"]
    assert given.reasons[1] == []
    assert given.reasons[0] == given.reasons[2]
    assert given.reasons[0][0].startswith("amount of this payment: 1000")
    assert given.is_number.all()


def test_no_number_is_a_review_with_a_probability_that_readers_take():
    given = answers(a_model(booster=a_blank_booster()), rows(10, BLANK, 2 * BLANK))
    assert given.is_number.tolist() == [True, False, True]
    assert given.decision.tolist() == ["approve", "review", "approve"]
    assert given.reasons == [[], [NO_NUMBER], []]
    assert ((given.probability >= 0) & (given.probability <= 1)).all()


def test_no_rows_have_no_answers():
    given = answers(a_model(), rows())
    assert (len(given.probability), len(given.decision), given.reasons) == (0, 0, [])


@pytest.mark.parametrize("margin", [np.nan, np.inf, -np.inf])
def test_a_sum_that_is_no_number_is_no_certainty(margin):
    calibration = a_policy().calibration
    found = fraud_model.probabilities(np.array([margin, 0], np.float32), calibration)
    assert np.isnan(found[0])
    assert found[1] == 0.5


@given(st.floats(0, 1), st.floats(0, 2), st.floats(0, 2))
def test_a_decision_is_the_one_between_whose_thresholds_a_probability_lies(probability, one, other):
    thresholds = a_policy(min(one, other), max(one, other)).thresholds
    (decision,) = decisions.decide(np.array([probability]), thresholds)
    expected = "decline" if probability >= max(one, other) else "review" if probability >= min(one, other) else "approve"
    assert decision == expected
    assert decisions.decide(np.array([np.nan]), thresholds).tolist() == ["review"]
