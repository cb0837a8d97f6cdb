"""Figures of a model are what they are called: ranks, calibration, campaigns found, money net of
its costs.
"""

from dataclasses import replace

import numpy as np
import pytest
from fraud_histories import a_history
from fraud_models import a_policy

from pipelines.base.arrays import DAY_US
from pipelines.fraud.model.evaluation import card_precision, evaluate
from pipelines.fraud.model.history import History


def five(probability_of_fraud: float = 0.9) -> tuple[History, np.ndarray]:
    """Build five payments of two days, the first and the last fraud, and their probabilities."""
    two_days = np.array([0, 0, 0, DAY_US, DAY_US], np.int64)
    fraud = np.array([True, False, False, False, True])
    campaign = np.array(["stolen_card", "", "", "dispute_cleared", "card_testing"], np.object_)
    history = History(np.zeros((5, 1), np.float32), fraud, two_days, np.array([1, 1, 2, 3, 4]), np.full(5, 100.0), campaign)
    return history, np.array([0.1, 0.9, 0.5, 0.8, 0.2], np.float32)


def test_card_precision_counts_defrauded_cards_among_the_highest_of_each_day():
    history, probability = five()
    assert card_precision(history, probability, cards=1) == 0.5


def test_a_perfect_score_gets_perfect_figures():
    history = a_history(days=2)
    figures = evaluate(history, history.fraud.astype(np.float32), a_policy())
    assert (figures["auc"], figures["average_precision"], figures["brier"], figures["calibration_error"]) == (1, 1, 0, 0)
    assert {value for name, value in figures.items() if name.startswith("recall_at_fpr")} == {1.0}
    assert figures["money_saved_share"] == 1
    assert figures["decline_share"] == history.fraud.mean()


def test_recall_is_counted_for_each_campaign_above_what_so_few_honest_payments_exceed():
    history = a_history(days=10)
    probability = np.where(history.campaign == "stolen_card", 1.0, np.linspace(0, 0.5, len(history.fraud))).astype(np.float32)
    figures = evaluate(history, probability, a_policy())
    assert figures["recall_at_fpr_1_pct_stolen_card"] == 1
    assert figures["recall_at_fpr_1_pct_card_testing"] == pytest.approx(0.01, abs=0.05)
    assert figures["recall_at_fpr_0_1_pct"] == pytest.approx(
        (history.campaign == "stolen_card").sum() / history.fraud.sum(), abs=0.01
    )


def test_money_is_net_of_reviews_and_false_declines():
    history, probability = five()
    figures = evaluate(history, probability, a_policy(review_at=0.15, decline_at=0.85))
    # one honest payment is declined; two honest ones and a fraud are reviewed; the first fraud goes
    # through
    assert figures["money_saved"] == pytest.approx(-25 - 4 - 4 + 0.75 * 120 - 4)
    assert figures["money_saved_share"] == pytest.approx(figures["money_saved"] / 240)
    assert (figures["review_share"], figures["decline_share"], figures["reviews_per_day"]) == (0.6, 0.2, 3)
    assert (figures["honest_decline_share"], figures["declines_per_day"]) == (pytest.approx(1 / 3), 1)


def test_a_model_is_measured_without_looking_at_other_labels():
    history = a_history(days=4)
    probability = np.random.default_rng(2).random(len(history.fraud)).astype(np.float32)
    renamed = replace(history, campaign=np.where(history.fraud, "one", "").astype(np.object_))
    both = [evaluate(each, probability, a_policy()) for each in (history, renamed)]
    assert both[0]["recall_at_fpr_1_pct"] == both[1]["recall_at_fpr_1_pct_one"]
