"""The fraud model in use: loads a verified XGBoost model, gives probabilities, and says in words what raised them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import xgboost

from pipelines.errors import ModelError
from pipelines.features.card_records import FEATURE_NAMES, FEATURE_SET, FEATURES
from pipelines.models.packed import Packed

Floats = npt.NDArray[np.float32]
REASONS = 3


@dataclass(frozen=True)
class Model:
    """A loaded fraud model with the name and version that its scores carry."""

    name: str
    version: str
    booster: xgboost.Booster


def load(packed: Packed) -> Model:
    """Return the model, once it is certain that it is the registered one, fits the features and gives probabilities.

    Raises ModelError otherwise. The native format holds numbers only: loading it runs no code of the model's.
    """
    packed.verify(FEATURE_SET)
    try:
        booster = xgboost.Booster({"nthread": 1}, model_file=bytearray(packed.content))
    except xgboost.core.XGBoostError as error:
        raise ModelError(
            f"Model {packed.name} version {packed.version} is not a readable XGBoost model: train again."
        ) from error
    model = Model(packed.name, packed.version, booster)
    _try_out(model)
    return model


def _try_out(model: Model) -> None:
    if tuple(model.booster.feature_names or ()) != FEATURE_NAMES:
        raise ModelError(
            f"Model {model.name} version {model.version} does not take the features of {FEATURE_SET} in order: train again."
        )
    rows = np.stack([np.full(len(FEATURES), value, np.float32) for value in (np.nan, 0.0, 1e6)])
    answers = predict(model, rows)
    if not ((answers >= 0) & (answers <= 1)).all():
        raise ModelError(
            f"Model {model.name} version {model.version} gives no probabilities but {answers.tolist()}: train again."
        )


def predict(model: Model, features: Floats) -> Floats:
    """Return the probability of fraud (n) of rows of features (n, len(FEATURES))."""
    probabilities: Floats = model.booster.inplace_predict(features)
    return probabilities


def reasons(model: Model, features: Floats) -> list[list[str]]:
    """Return for each row what raised its score most, largest first, as words with the value seen.

    Contributions are SHAP values of the trees (Lundberg et al., arXiv:1802.03888); slow, so ask for suspicious rows only.
    """
    if not len(features):
        return []
    rows = xgboost.DMatrix(features, feature_names=list(FEATURE_NAMES), nthread=1)
    contributions = model.booster.predict(rows, pred_contribs=True)[:, :-1]
    largest = np.argsort(-contributions, axis=1)[:, :REASONS]
    return [[_in_words(j, float(features[i, j])) for j in order if contributions[i, j] > 0] for i, order in enumerate(largest)]


def _in_words(feature: int, value: float) -> str:
    told = FEATURES[feature]
    if np.isnan(value):
        return f"{told.meaning}: unknown"
    if told.unit == "flag":
        return f"{told.meaning}: {'yes' if value else 'no'}"
    return f"{told.meaning}: {value:.4g}" if told.unit == "count" else f"{told.meaning}: {value:.4g} ({told.unit})"
