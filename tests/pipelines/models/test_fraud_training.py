"""Training learns what is there to learn, splits by time with the label delay in between, and refuses too little history."""

import numpy as np
import pytest

from pipelines.errors import ModelError
from pipelines.features.card_records import FEATURES
from pipelines.models.fraud_training import DAY_US, History, card_precision, evaluate, split, train

DAYS, PER_DAY = 40, 200


def a_history(days: int = DAYS, fraud_share: float = 0.05) -> History:
    """Days of payments of 50 cards in which frauds are dear and from a new device, with some noise."""
    random = np.random.default_rng(5)
    count = days * PER_DAY
    fraud = random.random(count) < fraud_share
    features = random.normal(size=(count, len(FEATURES))).astype(np.float32)
    features[:, 0] += 3 * fraud
    features[:, 1] *= np.where(fraud, 3, 1)  # no straight line shows this one
    at_us = np.sort(random.integers(0, days * DAY_US, count))
    return History(features, fraud, at_us, random.integers(0, 50, count))


def test_the_model_beats_its_baseline_and_both_are_reported():
    trained = train(a_history(), label_delay_days=7)
    assert trained.metrics["xgboost_auc"] > 0.97
    assert trained.metrics["xgboost_average_precision"] > trained.metrics["logistic_average_precision"] > 0.5
    assert trained.metrics["xgboost_brier"] < 0.05 * 0.95
    assert trained.booster.num_features() == len(FEATURES)


def test_training_twice_gives_the_same_model():
    first, second = (train(a_history(), 7).booster.save_raw("ubj") for _ in range(2))
    assert first == second


def test_the_label_delay_lies_between_learning_and_testing():
    history = a_history()
    learn, test = split(history, 7)
    assert test.at_us.min() - learn.at_us.max() >= 7 * DAY_US
    assert history.at_us.max() - test.at_us.max() >= 7 * DAY_US
    assert learn.at_us.max() < test.at_us.min()


@pytest.mark.parametrize("history", [a_history(fraud_share=0.0), a_history(days=8), a_history(days=0)])
def test_too_little_history_is_one_clear_sentence(history):
    with pytest.raises(ModelError, match=r"Too little history to .*then train again\.$"):
        train(history, 7)


def test_card_precision_counts_defrauded_cards_among_the_highest_of_each_day():
    two_days = np.array([0, 0, 0, DAY_US, DAY_US], np.int64)
    fraud = np.array([True, False, False, False, True])
    history = History(np.zeros((5, 1), np.float32), fraud, two_days, np.array([1, 1, 2, 3, 4]))
    probability = np.array([0.1, 0.9, 0.5, 0.8, 0.2], np.float32)
    assert card_precision(history, probability, cards=1) == 0.5


def test_a_perfect_score_gets_perfect_figures():
    history = a_history(days=2)
    figures = evaluate(history, history.fraud.astype(np.float32), "oracle")
    assert (figures["oracle_auc"], figures["oracle_average_precision"], figures["oracle_brier"]) == (1, 1, 0)
