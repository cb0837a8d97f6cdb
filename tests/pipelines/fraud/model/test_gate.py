"""The gate lets a challenger through that is likely better and nowhere clearly worse, on payments
that nobody learned from.
"""

from functools import cache

import numpy as np
import pytest
import xgboost
from fraud_histories import a_history
from fraud_models import BLANK, a_blank_booster, a_model, a_policy

from pipelines.base.arrays import DAY_US
from pipelines.fraud.features.feature_set import FEATURE_NAMES
from pipelines.fraud.model import fraud_model, gate
from pipelines.fraud.model.gate import judge, matured_unseen
from pipelines.fraud.model.history import History
from pipelines.fraud.model.policy import Policy

SIZES = (100_000, 100_000)
CALIBRATED = a_policy(review_at=0.1, decline_at=0.5)


@cache
def trees(known: int, rounds: int = 20) -> xgboost.Booster:
    """Learn from the first `known` features of another history."""
    past = a_history(seed=6)
    features = past.features.copy()
    features[:, known:] = 0
    matrix = xgboost.DMatrix(features, past.fraud, feature_names=list(FEATURE_NAMES))
    return xgboost.train({"objective": "binary:logistic", "nthread": 1, "max_depth": 4}, matrix, rounds)


def model(known: int, policy: Policy = CALIBRATED, rounds: int = 20) -> fraud_model.Model:
    return a_model(booster=fraud_model.with_policy(trees(known, rounds).copy(), policy))


def test_a_challenger_that_ranks_better_is_promoted_with_its_figures():
    verdict = judge(model(1), model(2), SIZES, a_history())
    assert verdict.promoted
    assert verdict.reasons[0].startswith("average_precision 0.")
    assert verdict.figures["challenger_average_precision"] > verdict.figures["champion_average_precision"]
    assert verdict.figures["likely_better_average_precision"] >= gate.LIKELY
    assert {"champion_us", "challenger_us", "challenger_bytes", "challenger_money_saved"} <= verdict.figures.keys()


def test_the_same_model_again_is_refused():
    verdict = judge(model(2), model(2), SIZES, a_history())
    assert not verdict.promoted
    assert len(verdict.reasons) == 1
    assert verdict.reasons[0].startswith("no gain that is likelier than 90%: average_precision")


def test_a_challenger_that_ranks_worse_is_refused():
    verdict = judge(model(2), model(1), SIZES, a_history())
    assert not verdict.promoted
    assert any(reason.startswith("likely worse: average_precision") for reason in verdict.reasons)


@pytest.mark.parametrize("intercept", [3.0, -3.0])
def test_better_ranks_do_not_make_up_for_wrong_probabilities(intercept):
    wrong = a_policy(review_at=0.1, decline_at=0.5, intercept=intercept)
    verdict = judge(model(1), model(2, wrong), SIZES, a_history())
    assert not verdict.promoted
    assert any(reason.startswith("calibration_error") for reason in verdict.reasons)


def test_thresholds_that_cost_more_are_refused():
    wasteful = a_policy(review_at=0.0, decline_at=0.0)
    verdict = judge(model(2), model(2, wasteful), SIZES, a_history())
    assert any(reason.startswith("likely worse: money_saved") for reason in verdict.reasons)


def test_the_same_trees_with_cheaper_thresholds_are_promoted():
    wasteful = a_policy(review_at=0.0, decline_at=0.0)
    verdict = judge(model(2, wasteful), model(2), SIZES, a_history())
    assert verdict.promoted
    assert verdict.figures["likely_better_money_saved"] == 1


def test_a_file_that_is_too_large_is_refused():
    verdict = judge(model(1), model(2), (100, gate.LARGEST_BYTES + 1), a_history())
    assert verdict.reasons == ("bytes 5e+06 is above 5e+06",)


def test_a_slow_challenger_is_refused(monkeypatch):
    monkeypatch.setattr(gate, "UNNOTICED_US", 0.0)
    verdict = judge(model(1, rounds=1), model(2, rounds=600), SIZES, a_history())
    assert any(reason.startswith("us ") for reason in verdict.reasons)


def test_too_few_known_frauds_are_a_refusal_that_says_how_many():
    verdict = judge(model(1), model(2), SIZES, a_history(days=8))
    assert not verdict.promoted
    assert verdict.reasons[0].endswith("20 are needed: let more labels mature")


def test_only_matured_payments_count_from_which_neither_has_learned():
    history = a_history()
    old, new = (model(1, CALIBRATED.model_copy(update={"learned_until_us": day * DAY_US})) for day in (5, 20))
    unseen = matured_unseen(history, old, new)
    assert unseen.at_us.min() > 20 * DAY_US
    assert 0 <= history.at_us.max() - 7 * DAY_US - unseen.at_us.max() < DAY_US


def test_gains_are_resampled_by_card_so_that_one_lucky_card_makes_nothing_likely():
    history = a_history(days=20)
    one = np.where(history.fraud & (history.card == 0), 1.0, 0.1).astype(np.float32)
    all_but_it = History(**{**vars(history), "fraud": history.fraud & (history.card == 0)})
    gains = gate.resampled_gains(all_but_it, (model(1), model(1)), (np.full_like(one, 0.1), one))
    assert len(gains["average_precision"]) < gate.RESAMPLES, "where the card is not drawn there is no fraud to rank"
    assert (gains["average_precision"] > 0).all()


def test_a_model_that_gives_no_number_is_not_promoted_and_is_replaced():
    blank = a_model(booster=a_blank_booster())
    history = a_history()
    history.features[:, 0] = BLANK
    refused, replaced = judge(model(1), blank, SIZES, history), judge(blank, model(1), SIZES, history)
    assert (refused.promoted, replaced.promoted) == (False, True)
    assert refused.reasons[0].startswith("the challenger gives no number for")
    assert replaced.reasons[0].startswith("the champion gives no number for")
