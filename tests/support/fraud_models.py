"""Small real fraud models for tests: dear payments are fraud, learned by a few trees in milliseconds."""

import hashlib
from functools import cache
from typing import Any

import numpy as np
import xgboost

from pipelines.features.card_records import FEATURE_NAMES, FEATURE_SET
from pipelines.models import fraud
from pipelines.models.packed import Packed

DEAR = 500.0


@cache
def a_booster(objective: str = "binary:logistic", names: tuple[str, ...] = FEATURE_NAMES) -> xgboost.Booster:
    random = np.random.default_rng(7)
    features = random.random((2000, len(names)), np.float32)
    features[:, 0] *= 2 * DEAR
    labels = features[:, 0] > DEAR
    matrix = xgboost.DMatrix(features, labels, feature_names=list(names))
    return xgboost.train({"objective": objective, "nthread": 1, "eta": 0.5}, matrix, 10)


def a_packed_model(version: str = "1", booster: xgboost.Booster | None = None, **changes: Any) -> Packed:
    content = bytes((booster or a_booster()).save_raw("ubj"))
    facts = {"name": "fraud", "version": version, "feature_set": FEATURE_SET, "sha256": hashlib.sha256(content).hexdigest()}
    return Packed(**{**facts, "content": content, **changes})


def a_model(version: str = "1") -> fraud.Model:
    return fraud.load(a_packed_model(version))
