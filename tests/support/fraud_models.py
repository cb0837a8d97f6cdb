"""Small real fraud models for tests: dear payments are fraud, learned by a few trees in
milliseconds.
"""

import hashlib
import json
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import xgboost

from pipelines.base.costs import Costs
from pipelines.fraud.features.feature_set import FEATURE_NAMES, FEATURE_SET
from pipelines.fraud.model import fraud_model
from pipelines.fraud.model.policy import Calibration, Policy, Thresholds
from pipelines.models.packed import Packed
from pipelines.models.serving import Serving

if TYPE_CHECKING:  # MLflow takes seconds to import
    from pipelines.models.registry import ModelRegistry

DEAR = 500.0
BLANK = 450.0  # an amount of which `a_blank_booster` says nothing


def a_policy(review_at: float = 0.2, decline_at: float = 0.8, slope: float = 1.0, intercept: float = 0.0) -> Policy:
    return Policy(
        calibration=Calibration(slope=slope, intercept=intercept),
        thresholds=Thresholds(review_at=review_at, decline_at=decline_at),
        costs=Costs(false_decline_share=0.25, chargeback_fee=20, review=4, caught_by_review=0.75, reviews_per_day=10),
        label_delay_days=7,
        learned_until_us=0,
    )


@cache
def a_booster(objective: str = "binary:logistic", names: tuple[str, ...] = FEATURE_NAMES) -> xgboost.Booster:
    random = np.random.default_rng(7)
    features = random.random((2000, len(names)), np.float32)
    features[:, 0] *= 2 * DEAR
    labels = features[:, 0] > DEAR
    matrix = xgboost.DMatrix(features, labels, feature_names=list(names))
    return fraud_model.with_policy(xgboost.train({"objective": objective, "nthread": 1, "eta": 0.5}, matrix, 10), a_policy())


@cache
def a_blank_booster() -> xgboost.Booster:
    """Return trees that pass for sound, and give no number for amounts around BLANK."""
    features = np.zeros((2000, len(FEATURE_NAMES)), np.float32)
    features[:, 0] = np.linspace(0, 2 * BLANK, 2000)
    labels = np.abs(features[:, 0] - BLANK) < 100
    matrix = xgboost.DMatrix(features, labels, feature_names=list(FEATURE_NAMES))
    written = json.loads(
        xgboost.train({"objective": "binary:logistic", "nthread": 1, "max_depth": 2}, matrix, 1).save_raw("json")
    )
    (tree,) = written["learner"]["gradient_booster"]["model"]["trees"]
    leaves = [i for i, child in enumerate(tree["left_children"]) if child == -1]
    tree["split_conditions"][max(leaves, key=lambda i: tree["split_conditions"][i])] = float("nan")
    return fraud_model.with_policy(xgboost.Booster(model_file=bytearray(json.dumps(written), "utf-8")), a_policy())


def deciding(policy: Policy) -> xgboost.Booster:
    """Return the trees of a_booster with another policy."""
    return fraud_model.with_policy(a_booster().copy(), policy)


def a_packed_model(version: str = "1", booster: xgboost.Booster | None = None, **changes: Any) -> Packed:
    content = bytes((booster or a_booster()).save_raw("ubj"))
    facts = {"name": "fraud", "version": version, "feature_set": FEATURE_SET, "sha256": hashlib.sha256(content).hexdigest()}
    return Packed(**{**facts, "content": content, **changes})


def a_model(version: str = "1", booster: xgboost.Booster | None = None) -> fraud_model.Model:
    return fraud_model.load(a_packed_model(version, booster))


def a_serving(version: str = "1", booster: xgboost.Booster | None = None) -> Serving[fraud_model.Model]:
    return Serving(a_model(version, booster), fraud_model.load)


def registered(registry: "ModelRegistry", name: str, booster: xgboost.Booster) -> str:
    """Register a fraud model of which nothing else is to be known, and return its version."""
    return registry.register(name, booster, {}, {}, {}, feature_set=FEATURE_SET, answer="probability")
