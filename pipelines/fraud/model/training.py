"""Trains the fraud model on folded history with splits in time, and measures it beside a logistic
regression.

Payments are trained on once their labels have matured, and tested on later ones, with the label
delay between the two: what was trained on was known when the test began (Le Borgne et al.,
Reproducible Machine Learning for Credit Card Fraud Detection, 2022, chapter 5). Parts are shares of
the payments, not of the time: one wrong date may make that 25 years. They begin with the first
payment that the bank has found anything of: a past that chargebacks were never reported of would
teach that nothing is fraud. The last part of what is trained on is kept from the trees: their
probabilities are calibrated on it, and the thresholds chosen.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import xgboost
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from pipelines.base.arrays import DAY_US, Floats
from pipelines.base.costs import Costs
from pipelines.base.errors import ModelError
from pipelines.fraud.features.feature_set import FEATURE_NAMES
from pipelines.fraud.model import decisions, fraud_model
from pipelines.fraud.model.calibration import calibrated
from pipelines.fraud.model.evaluation import evaluate
from pipelines.fraud.model.history import History
from pipelines.fraud.model.policy import Policy

TEST_SHARE = 0.25
LATE_SHARE, LATE_SHARE_AT_MOST = 1 / 6, 1 / 2
LEAST_FRAUDS, ENOUGH_FRAUDS = 10, 30
Parameters = Mapping[str, float | int | str]
# Compared with others on simulated shops: docs/decisions/14-a-model-carries-its-thresholds.md.
PARAMETERS: Parameters = {
    "objective": fraud_model.OBJECTIVE,
    "tree_method": "hist",
    "max_bin": 1024,  # fine bins for amounts: 255 cost accuracy
    "max_depth": 5,
    "eta": 0.08,
    "min_child_weight": 2,
    "subsample": 0.9,
    "colsample_bytree": 0.7,
    "seed": 7,
}
# An additive model (Lou et al., Accurate Intelligible Models with Pairwise Interactions, KDD 2013):
# no tree may mix features, so what a feature adds to a score is one curve, which a risk team can
# read and which the reasons tell exactly.
ALONE = str([[feature] for feature in range(len(FEATURE_NAMES))])
FAMILIES: Mapping[str, Parameters] = {
    "xgboost": PARAMETERS,
    "additive": {**PARAMETERS, "max_depth": 3, "interaction_constraints": ALONE},
}
ROUNDS, PATIENCE = 200, 20
FAR = 5.0  # standard deviations

Margins = Callable[[Floats], Floats]


@dataclass(frozen=True)
class Trained:
    """A fitted model, its policy in it, with what it was fitted with and how good it is beside a
    baseline.
    """

    booster: xgboost.Booster
    parameters: Parameters
    metrics: dict[str, float]


def train(history: History, label_delay_days: int, costs: Costs, family: str = "xgboost") -> Trained:
    """Fit and measure a model of a family; raises ModelError when the history has too few frauds
    for any part of that.
    """
    learn, test = split(history, label_delay_days)
    early, late = held_back(learn)
    _require_frauds(early, "to learn from", label_delay_days)
    _require_frauds(late, "to calibrate on", label_delay_days)
    began = time.perf_counter()
    booster = _fit(early, FAMILIES[family])
    fit_s = time.perf_counter() - began
    policy: dict[str, Policy] = {}
    metrics: dict[str, float] = {}
    compared: dict[str, Margins] = {family: partial(fraud_model.margins, booster), "logistic": _fit_baseline(early)}
    for name, margins in compared.items():
        try:
            policy[name] = settled(late, margins(late.features), label_delay_days, costs)
        except ModelError:
            if name == family:
                raise
            # A baseline that tells nothing has no figures, and is no reason against the model.
            continue
        probability = fraud_model.probabilities(margins(test.features), policy[name].calibration)
        metrics |= {f"{name}_{figure}": value for figure, value in evaluate(test, probability, policy[name]).items()}
    parts = {"train": learn, "calibration": late, "test": test}
    counts = {f"{part}_count": float(len(payments.fraud)) for part, payments in parts.items()}
    frauds = {f"{part}_fraud_count": float(payments.fraud.sum()) for part, payments in parts.items()}
    parameters = {**FAMILIES[family], "family": family, "rounds": booster.num_boosted_rounds()}
    return Trained(
        fraud_model.with_policy(booster, policy[family]), parameters, {**metrics, **counts, **frauds, "fit_s": fit_s}
    )


def split(history: History, label_delay_days: int) -> tuple[History, History]:
    """Return what is learned from and what is tested on: matured payments, with the label delay
    between the two.
    """
    delay_us = label_delay_days * DAY_US
    last_us = history.at_us.max(initial=0) - delay_us
    mature = history.where(history.at_us <= last_us)
    _require_frauds(mature, "to learn from", label_delay_days)
    known = mature.where(mature.at_us >= mature.at_us[mature.judged].min())
    test_us = np.quantile(known.at_us, 1 - TEST_SHARE)
    learn, test = known.where(known.at_us < test_us - delay_us), known.where(known.at_us >= test_us)
    _require_frauds(learn, "to learn from", label_delay_days)
    _require_frauds(test, "to measure on", label_delay_days)
    return learn, test


def held_back(part: History) -> tuple[History, History]:
    """Return the earlier payments and the latest sixth, or as many more, up to half of all, as hold
    ENOUGH_FRAUDS.

    Frauds come in bursts: a sixth of a young shop's payments may be two quiet days.
    """
    half_us, late_us = np.quantile(part.at_us, (1 - LATE_SHARE_AT_MOST, 1 - LATE_SHARE))
    frauds_us = np.sort(part.at_us[part.fraud])
    enough_us = frauds_us[-ENOUGH_FRAUDS] if len(frauds_us) >= ENOUGH_FRAUDS else half_us
    late = part.at_us >= np.clip(enough_us, half_us, late_us)
    return part.where(~late), part.where(late)


def _require_frauds(part: History, use: str, label_delay_days: int) -> None:
    frauds = int(part.fraud.sum())
    if frauds < LEAST_FRAUDS or frauds == len(part.fraud):
        raise ModelError(
            f"Too little history {use}: {frauds} frauds among {len(part.fraud)} payments, {LEAST_FRAUDS} are needed. "
            f"Labels count after {label_delay_days} days: let more arrive (python -m simulator --help), then train again."
        )


def settled(late: History, margin: Floats, label_delay_days: int, costs: Costs) -> Policy:
    """Return the policy of a model by its margins on payments that it has not seen.

    The thresholds are those that would have cost least by its own calibrated probabilities: so few
    labels as a young shop has would fit the thresholds to single payments.
    """
    calibration = calibrated(margin, late.fraud)
    probability = fraud_model.probabilities(margin, calibration).astype(np.float64)
    return Policy(
        calibration=calibration,
        thresholds=decisions.cheapest(probability, probability, late.amount, costs, late.days),
        costs=costs,
        label_delay_days=label_delay_days,
        learned_until_us=int(late.at_us.max()),
    )


def _fit(early: History, parameters: Parameters) -> xgboost.Booster:
    """Return trees of all the payments, as many as helped on the latest of them when those were
    held back.
    """
    fit, watch = (_matrix(part) for part in held_back(early))
    with_metric = {**parameters, "eval_metric": "logloss"}
    trial = xgboost.train(
        with_metric, fit, ROUNDS, evals=[(watch, "watch")], early_stopping_rounds=PATIENCE, verbose_eval=False
    )
    return xgboost.train(with_metric, _matrix(early), trial.best_iteration + 1)


def _matrix(part: History) -> xgboost.DMatrix:
    return xgboost.DMatrix(part.features, part.fraud, feature_names=list(FEATURE_NAMES))


def _fit_baseline(early: History) -> Margins:
    fill = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)
    # A young shop's features grow with its age: without the bound they are hundreds of deviations
    # off a week later.
    bound = FunctionTransformer(np.clip, kw_args={"a_min": -FAR, "a_max": FAR})
    baseline = make_pipeline(fill, StandardScaler(), bound, LogisticRegression(C=0.1, max_iter=1000))
    baseline.fit(early.features, early.fraud)
    margins: Margins = baseline.decision_function
    return margins
