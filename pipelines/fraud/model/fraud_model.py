"""The fraud model in use: loads a verified XGBoost model, gives probabilities, and says in words
what raised them.

A model is one file in XGBoost's own format. Its policy (calibration, thresholds, costs) lies in it
as an attribute, in JSON, so both have one digest and change together.
"""

import ctypes
import json
from dataclasses import dataclass

import numpy as np
import xgboost
from pydantic import ValidationError
from xgboost.core import _LIB, _check_call

from pipelines.base.arrays import Floats
from pipelines.base.errors import ModelError
from pipelines.fraud.features.feature_set import FEATURE_NAMES, FEATURE_SET, FEATURES
from pipelines.fraud.model.policy import Calibration, Policy
from pipelines.models.packed import Packed

REASONS = 3
OBJECTIVE = "binary:logistic"
ATTRIBUTE = "policy"
AS_MARGIN = (
    b'{"type": 1, "training": false, "iteration_begin": 0, "iteration_end": 0, "missing": NaN, "strict_shape": false, '
    b'"cache_id": 0}'
)


@dataclass(frozen=True)
class Model:
    """A loaded fraud model with the name and version that its scores carry."""

    name: str
    version: str
    booster: xgboost.Booster
    policy: Policy


def with_policy(booster: xgboost.Booster, policy: Policy) -> xgboost.Booster:
    """Return the trees with their policy in them, which is what is registered."""
    booster.set_attr(**{ATTRIBUTE: policy.model_dump_json()})
    return booster


def load(packed: Packed) -> Model:
    """Return the model, once it is certain that it is the registered one, fits the features and
    gives probabilities.

    Raises ModelError otherwise. The native format holds numbers only: loading it runs no code of
    the model's.
    """
    packed.verify(FEATURE_SET)
    try:
        booster = xgboost.Booster({"nthread": 1}, model_file=bytearray(packed.content))
    except xgboost.core.XGBoostError as error:
        raise ModelError(
            f"Model {packed.name} version {packed.version} is not a readable XGBoost model: train again."
        ) from error
    model = Model(packed.name, packed.version, booster, _policy(packed, booster))
    try:
        _try_out(model)
    except (xgboost.core.XGBoostError, ValueError, LookupError) as error:
        raise ModelError(
            f"Model {packed.name} version {packed.version} fails when it is tried ({error!r}): train again."
        ) from error
    return model


def _policy(packed: Packed, booster: xgboost.Booster) -> Policy:
    policy = booster.attr(ATTRIBUTE)
    if policy is None:
        raise ModelError(
            f"Model {packed.name} version {packed.version} is of an old form, without thresholds of its own: train again."
        )
    try:
        return Policy.model_validate_json(policy)
    except ValidationError as error:
        raise ModelError(
            f"Model {packed.name} version {packed.version} has a policy that cannot be used ({error.errors()[0]['msg']}): "
            "train again."
        ) from error


def _try_out(model: Model) -> None:
    if tuple(model.booster.feature_names or ()) != FEATURE_NAMES:
        raise ModelError(
            f"Model {model.name} version {model.version} does not take the features of {FEATURE_SET} in order: train again."
        )
    objective = json.loads(model.booster.save_config())["learner"]["objective"]["name"]
    rows = np.stack([np.full(len(FEATURES), value, np.float32) for value in (np.nan, 0.0, 1e6)])
    if objective != OBJECTIVE or not np.isfinite(predict(model, rows)).all():
        raise ModelError(f"Model {model.name} version {model.version} ({objective}) gives no probabilities: train again.")


def predict(model: Model, features: Floats) -> Floats:
    """Return the probability of fraud (n) of rows of features (n, len(FEATURES)); NaN where the
    trees do not add up to a number.
    """
    return probabilities(margins(model.booster, features), model.policy.calibration)


def margins(booster: xgboost.Booster, features: Floats) -> Floats:
    """Return what the trees add up to (n): the logarithm of the odds of fraud, before calibration.

    Asked for through XGBoost's C interface (XGBoosterPredictFromDense), as `inplace_predict` does:
    for one payment the library's own Python takes longer than all its trees.
    """
    rows = np.ascontiguousarray(features, np.float32)
    if not len(rows):
        return np.zeros(0, np.float32)  # the interface answers with a null pointer
    address, _ = rows.__array_interface__["data"]
    array = f'{{"data": [{address}, true], "shape": [{rows.shape[0]}, {rows.shape[1]}], "typestr": "<f4", "version": 3}}'
    shape, summed = ctypes.POINTER(ctypes.c_uint64)(), ctypes.POINTER(ctypes.c_float)()
    dimensions = ctypes.c_uint64()
    answers = ctypes.byref(shape), ctypes.byref(dimensions), ctypes.byref(summed)
    _check_call(_LIB.XGBoosterPredictFromDense(booster.handle, array.encode(), AS_MARGIN, None, *answers))
    return np.ctypeslib.as_array(summed, (len(rows),)).copy()


def probabilities(margin: Floats, calibration: Calibration) -> Floats:
    """Return the calibrated probabilities (n) of margins (n); NaN of those that are not finite."""
    odds = calibration.slope * margin.astype(np.float64) + calibration.intercept
    # The logistic function, without overflow. Infinite odds would be certainty, and are a fault.
    is_number = np.isfinite(odds)
    probability = np.exp(-np.logaddexp(0, -np.where(is_number, odds, 0)))
    return np.where(is_number, probability, np.nan).astype(np.float32)


def reasons(model: Model, features: Floats) -> list[list[str]]:
    """Return for each row what raised its score most, largest first, as words with the value seen.

    Contributions are SHAP values of the trees (Lundberg et al., arXiv:1802.03888); slow, so ask for
    suspicious rows only.
    """
    if not len(features):
        return []
    rows = xgboost.DMatrix(features, feature_names=list(FEATURE_NAMES), nthread=1)
    contributions = model.booster.predict(rows, pred_contribs=True)[:, :-1]
    largest = np.argsort(-contributions, axis=1)[:, :REASONS]
    return [[_in_words(j, float(features[i, j])) for j in order if contributions[i, j] > 0] for i, order in enumerate(largest)]


def _in_words(feature: int, value: float) -> str:
    seen = FEATURES[feature]
    if np.isnan(value):
        return f"{seen.meaning}: unknown"
    if seen.unit == "flag":
        return f"{seen.meaning}: {'yes' if value else 'no'}"
    return f"{seen.meaning}: {value:.4g}" if seen.unit == "count" else f"{seen.meaning}: {value:.4g} ({seen.unit})"
