"""Training learns what is there to learn, splits by time with the label delay in between, and
refuses too little history.
"""

import math
from functools import cache

import numpy as np
import pytest
from fraud_histories import DAYS, a_history
from fraud_models import a_packed_model, a_policy

from pipelines.base.arrays import DAY_US
from pipelines.base.errors import ModelError
from pipelines.fraud.features.feature_set import FEATURES
from pipelines.fraud.model import fraud_model, training
from pipelines.fraud.model.history import History
from pipelines.fraud.model.training import ENOUGH_FRAUDS, FAMILIES, LEAST_FRAUDS, Trained, held_back, split

COSTS = a_policy().costs


@cache
def trained_once(family: str = "xgboost") -> Trained:
    return train(a_history(), family)


def train(history: History, family: str = "xgboost") -> Trained:
    return training.train(history, 7, COSTS, family)


def loaded(trained: Trained) -> fraud_model.Model:
    return fraud_model.load(a_packed_model(booster=trained.booster))


def test_the_model_beats_its_baseline_and_both_are_reported():
    trained = trained_once()
    assert trained.metrics["xgboost_auc"] > 0.97
    assert trained.metrics["xgboost_average_precision"] > trained.metrics["logistic_average_precision"] > 0.5
    assert trained.metrics["xgboost_brier"] < 0.05 * 0.95
    assert trained.booster.num_features() == len(FEATURES)


def test_a_baseline_that_tells_nothing_has_no_figures_and_stops_no_model(monkeypatch):
    monkeypatch.setattr(training, "_fit_baseline", lambda early: lambda features: -features[:, 0])
    metrics = train(a_history()).metrics
    assert metrics["xgboost_auc"] > 0.97
    assert not [name for name in metrics if name.startswith("logistic")]


def test_the_baseline_stays_sane_where_features_drift_away():
    early = a_history()
    later = early.where(early.at_us > 0).features.copy()
    later[:, 2] += 1000.0  # as ages and counts of a young shop do
    assert abs(training._fit_baseline(early)(later)).max() < 30


def test_training_twice_gives_the_same_model():
    again = train(a_history()).booster.save_raw("ubj")
    assert again == trained_once().booster.save_raw("ubj")


def test_the_label_delay_lies_between_learning_and_testing():
    history = a_history()
    learn, test = split(history, 7)
    assert test.at_us.min() - learn.at_us.max() >= 7 * DAY_US
    assert history.at_us.max() - test.at_us.max() >= 7 * DAY_US
    assert learn.at_us.max() < test.at_us.min()


@pytest.mark.parametrize("history", [a_history(fraud_share=0.0), a_history(days=8), a_history(days=0)])
def test_too_little_history_is_one_clear_sentence(history):
    with pytest.raises(ModelError, match=r"Too little history to .*then train again\.$"):
        train(history)


def beside(history: History, at_us: np.ndarray) -> History:
    """Return a history with payments besides, of which the bank has found nothing."""
    count = len(at_us)
    more = History(
        features=np.zeros((count, len(FEATURES)), np.float32),
        fraud=np.zeros(count, np.bool_),
        at_us=at_us,
        card=np.arange(count),
        amount=np.full(count, 10.0),
        campaign=np.full(count, "", np.object_),
    )
    both = {name: np.concatenate([values, getattr(more, name)]) for name, values in vars(history).items()}
    return History(**both)


YEARS_US = 365 * DAY_US
# Before the shop's first day, which is that of 1970.
ODD_PASTS = {
    "one payment of 25 years ago": np.array([-25 * YEARS_US]),
    "a payment of each month of ten years": -np.arange(120) * 30 * DAY_US - DAY_US,
    "two years of another shop": np.linspace(-10 * YEARS_US, -8 * YEARS_US, 13 * 8000).astype(np.int64),
}


@pytest.mark.parametrize("at_us", ODD_PASTS.values(), ids=ODD_PASTS)
def test_a_past_without_a_finding_changes_nothing_of_what_is_learned(at_us):
    history = a_history()
    for alone, both in zip(split(history, 7), split(beside(history, at_us), 7), strict=True):
        np.testing.assert_array_equal(alone.at_us, both.at_us)
        np.testing.assert_array_equal(alone.fraud, both.fraud)


def test_a_fraud_with_a_date_of_years_ago_hardly_changes_what_is_learned():
    history = a_history()
    odd = beside(history, np.array([-25 * YEARS_US]))
    odd.fraud[-1] = True
    learn, test = split(odd, 7)
    alone, tested = split(history, 7)
    assert (len(learn.at_us), len(test.at_us)) == (
        pytest.approx(len(alone.at_us) + 1, abs=20),
        pytest.approx(len(tested.at_us), abs=20),
    )
    assert train(odd).metrics["xgboost_auc"] > 0.97


def test_what_is_tested_on_is_a_share_of_the_payments_not_of_the_time():
    history = a_history()
    quick = history.where((history.at_us > 25 * DAY_US) | (np.arange(len(history.at_us)) % 10 == 0))
    learn, test = split(quick, 7)
    known = quick.at_us[(quick.at_us <= quick.at_us.max() - 7 * DAY_US) & (quick.at_us >= quick.at_us[quick.fraud].min())]
    assert len(test.at_us) == pytest.approx(len(known) / 4, abs=1)
    assert test.at_us.min() - learn.at_us.max() >= 7 * DAY_US


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_is_a_model_that_serves(family):
    trained = trained_once(family)
    assert trained.metrics[f"{family}_auc"] > 0.9
    assert loaded(trained).policy.costs == COSTS


def test_an_additive_model_never_mixes_features():
    booster = trained_once("additive").booster
    for tree in booster.trees_to_dataframe().query("Feature != 'Leaf'").groupby("Tree"):
        assert tree[1]["Feature"].nunique() == 1


def test_probabilities_hold_what_they_say_on_later_payments():
    trained, history = trained_once(), a_history()
    _, test = split(history, 7)
    rate = test.fraud.mean()
    # Of the rate of frauds in a sample of this size.
    deviation = math.sqrt(rate * (1 - rate) / len(test.fraud))
    assert fraud_model.predict(loaded(trained), test.features).mean() == pytest.approx(rate, abs=3 * deviation)


def test_the_policy_says_until_when_it_was_learned_and_by_which_costs():
    learn, _ = split(a_history(), 7)
    policy = loaded(trained_once()).policy
    assert policy.learned_until_us == learn.at_us.max()
    assert (policy.label_delay_days, policy.costs) == (7, COSTS)


def share_held_back(history: History) -> float:
    early, late = held_back(history)
    assert early.at_us.max() < late.at_us.min()
    return len(late.at_us) / len(history.at_us)


def with_frauds(days: list[float]) -> History:
    """Build a history whose frauds fall on the first payments of these days."""
    history = a_history(fraud_share=0.0)
    history.fraud[np.searchsorted(history.at_us, np.array(days) * DAY_US)] = True
    return history


def test_a_sixth_is_held_back_where_it_has_frauds_enough():
    assert share_held_back(a_history()) == pytest.approx(1 / 6, abs=0.001)


def test_as_much_is_held_back_as_has_frauds_enough():
    # None in the last ten days of forty.
    frauds = list(np.linspace(DAYS / 2, DAYS - 10, 2 * ENOUGH_FRAUDS))
    _, late = held_back(with_frauds(frauds))
    assert late.at_us.min() >= frauds[-ENOUGH_FRAUDS] * DAY_US
    assert late.fraud.sum() == ENOUGH_FRAUDS


@pytest.mark.parametrize("days", [[], [1, 2, 3], list(np.linspace(1, 2, 2 * ENOUGH_FRAUDS))])
def test_no_more_than_half_is_held_back(days):
    assert share_held_back(with_frauds(days)) == pytest.approx(1 / 2, abs=0.001)


def test_a_shop_whose_last_days_were_quiet_has_a_model():
    history = a_history()
    learn, _ = split(history, 7)
    quiet = (history.at_us > learn.at_us.max() - 4 * DAY_US) & (history.at_us <= learn.at_us.max())
    assert train(history.where(~(quiet & history.fraud))).metrics["calibration_fraud_count"] >= LEAST_FRAUDS
