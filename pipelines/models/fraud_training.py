"""Trains the fraud model on folded history with a split in time, and measures it beside a logistic regression.

Payments are trained on once their labels have matured, and tested on later ones, with the label delay between the two:
what was trained on was known when the test began (Le Borgne et al., Reproducible Machine Learning for Credit Card Fraud
Detection, 2022, chapter 5).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd
import xgboost
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from pipelines.errors import ModelError
from pipelines.features.card_records import FEATURE_NAMES

DAY_US = 86_400_000_000
TEST_SHARE = 0.25
LEAST_FRAUDS = 10
PARAMETERS: dict[str, float | int | str] = {
    "objective": "binary:logistic",
    "tree_method": "hist",
    "max_bin": 1024,  # fine bins for amounts: 255 cost accuracy
    "max_depth": 5,
    "eta": 0.08,
    "min_child_weight": 2,
    "subsample": 0.9,
    "colsample_bytree": 0.7,
    "seed": 7,
}
ROUNDS, PATIENCE = 200, 20

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class History:
    """Folded payments in order of arrival: features (n, F), whether it was fraud (n), when (n, us), which card (n)."""

    features: Floats
    fraud: npt.NDArray[np.bool_]
    at_us: npt.NDArray[np.int64]
    card: npt.NDArray[np.int64]

    def where(self, chosen: npt.NDArray[np.bool_]) -> "History":
        """Return the chosen payments only."""
        return replace(self, **{name: values[chosen] for name, values in vars(self).items()})


@dataclass(frozen=True)
class Trained:
    """A fitted model with what it was fitted with and how good it is, the baseline's figures beside its own."""

    booster: xgboost.Booster
    parameters: dict[str, float | int | str]
    metrics: dict[str, float]


def train(history: History, label_delay_days: int) -> Trained:
    """Fit and measure the model; raises ModelError when the history has too few frauds to learn from or to measure on."""
    learn, test = split(history, label_delay_days)
    booster = _fit(learn)
    baseline = _fit_baseline(learn)
    metrics = {
        **evaluate(test, booster.inplace_predict(test.features), "xgboost"),
        **evaluate(test, baseline(test.features), "logistic"),
        "train_count": float(len(learn.fraud)),
        "train_fraud_count": float(learn.fraud.sum()),
        "test_count": float(len(test.fraud)),
        "test_fraud_count": float(test.fraud.sum()),
    }
    return Trained(booster, {**PARAMETERS, "rounds": booster.num_boosted_rounds()}, metrics)


def split(history: History, label_delay_days: int) -> tuple[History, History]:
    """Return what is learned from and what is tested on: matured payments, with the label delay between the two."""
    delay_us = label_delay_days * DAY_US
    last_us = history.at_us.max(initial=0) - delay_us
    mature = history.where(history.at_us <= last_us)
    first_us = mature.at_us.min(initial=last_us)
    test_us = last_us - TEST_SHARE * (last_us - first_us)
    learn, test = mature.where(mature.at_us < test_us - delay_us), mature.where(mature.at_us >= test_us)
    _require_frauds(learn, "to learn from", label_delay_days)
    _require_frauds(test, "to measure on", label_delay_days)
    return learn, test


def _require_frauds(part: History, use: str, label_delay_days: int) -> None:
    frauds = int(part.fraud.sum())
    if frauds < LEAST_FRAUDS or frauds == len(part.fraud):
        raise ModelError(
            f"Too little history {use}: {frauds} frauds among {len(part.fraud)} payments, {LEAST_FRAUDS} are needed. "
            f"Labels count after {label_delay_days} days: let more arrive (python -m simulator --help), then train again."
        )


def _fit(learn: History) -> xgboost.Booster:
    """Return the trees, as many as still helped on the last sixth of the time."""
    late = learn.at_us >= np.quantile(learn.at_us, 5 / 6)
    fit, watch = _matrix(learn.where(~late)), _matrix(learn.where(late))
    booster = xgboost.train(
        {**PARAMETERS, "eval_metric": "logloss"},
        fit,
        ROUNDS,
        evals=[(watch, "watch")],
        early_stopping_rounds=PATIENCE,
        verbose_eval=False,
    )
    return booster[: booster.best_iteration + 1]


def _matrix(part: History) -> xgboost.DMatrix:
    return xgboost.DMatrix(part.features, part.fraud, feature_names=list(FEATURE_NAMES))


def _fit_baseline(learn: History) -> Callable[[Floats], Floats]:
    fill = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)
    baseline = make_pipeline(fill, StandardScaler(), LogisticRegression(max_iter=1000))
    baseline.fit(learn.features, learn.fraud)
    return lambda features: baseline.predict_proba(features)[:, 1]


def evaluate(test: History, probability: Floats, model: str) -> dict[str, float]:
    """Return the model's figures on the test payments, each named `<model>_<figure>`."""
    return {
        f"{model}_auc": float(roc_auc_score(test.fraud, probability)),
        f"{model}_average_precision": float(average_precision_score(test.fraud, probability)),
        f"{model}_card_precision_100": card_precision(test, probability, 100),
        f"{model}_brier": float(brier_score_loss(test.fraud, probability)),
    }


def card_precision(test: History, probability: Floats, cards: int) -> float:
    """Return the mean over days of the share of defrauded cards among the `cards` with the highest score of the day."""
    rows = pd.DataFrame({"day": test.at_us // DAY_US, "card": test.card, "fraud": test.fraud, "probability": probability})
    by_card = rows.groupby(["day", "card"], as_index=False).agg(fraud=("fraud", "max"), probability=("probability", "max"))
    highest = by_card.sort_values("probability", ascending=False).groupby("day").head(cards)
    return float((highest.groupby("day")["fraud"].sum() / cards).mean())
