"""The models that the Handbook's protocol compares, each a function from what is learned from to a
function that scores.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import xgboost
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from pipelines.base.arrays import Floats

# Chosen by average precision on test weeks before the first one that is reported (see
# fraud_quality.TUNED_ON).
PARAMETERS: dict[str, float | int | str] = {
    "objective": "binary:logistic",
    "tree_method": "hist",
    "max_bin": 1024,  # fine bins for amounts: 255 cost accuracy
    "max_depth": 4,
    "eta": 0.05,
    "min_child_weight": 4,
    "subsample": 0.8,
    "colsample_bytree": 0.4,
    "lambda": 5,
    "seed": 7,
}
ROUNDS = 200
SEED = 7

Fraud = npt.NDArray[np.bool_]
Scorer = Callable[[Floats], Floats]
Fit = Callable[[Floats, Fraud], Scorer]


def fit_xgboost(features: Floats, fraud: Fraud) -> Scorer:
    """Return boosted trees."""
    booster = xgboost.train(PARAMETERS, xgboost.DMatrix(features, fraud), ROUNDS)
    return lambda rows: booster.inplace_predict(rows)


def fit_logistic(features: Floats, fraud: Fraud) -> Scorer:
    """Return the honest baseline: a logistic regression of standardised features, unknown ones at
    their median and marked.
    """
    fill = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)
    model = make_pipeline(fill, StandardScaler(), LogisticRegression(max_iter=1000))
    model.fit(features, fraud)
    return lambda rows: model.predict_proba(rows)[:, 1]


def fit_random_forest(features: Floats, fraud: Fraud) -> Scorer:
    """Return the challenger: a forest of deep trees."""
    model = RandomForestClassifier(60, min_samples_leaf=4, max_samples=0.25, n_jobs=-1, random_state=SEED)
    model.fit(features, fraud)
    return lambda rows: model.predict_proba(rows)[:, 1]


MODELS: dict[str, Fit] = {
    "xgboost": fit_xgboost,
    "logistic": fit_logistic,
    "random_forest": fit_random_forest,
}
