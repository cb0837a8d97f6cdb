"""Turns a model's margins into probabilities that hold what they say, learned on payments that the
model has not seen.
"""

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from pipelines.base.arrays import Floats, Numbers
from pipelines.base.errors import ModelError
from pipelines.fraud.model.policy import Calibration

BINS = 15
AS_IT_IS = np.array([1.0, 0.0])  # slope, intercept
LEANING = 0.5  # standard deviation of the prior


def calibrated(margin: Numbers | Floats, fraud: npt.NDArray[np.bool_]) -> Calibration:
    """Return the logistic curve over margins (n) that fits the labels (n), leaning towards leaving
    margins as they are.

    Platt (Probabilistic Outputs for Support Vector Machines, 1999) with a normal prior around slope
    1 and intercept 0, where a model that was trained on log loss is already: frauds come in bursts,
    and the few that a young shop knows say less than they seem to. Raises ModelError when fraud
    does not grow likelier with the margin.
    """
    margins, labels = margin.astype(np.float64), fraud.astype(np.float64)

    def unlikeliness(curve: Numbers) -> float:
        odds = curve[0] * margins + curve[1]
        return float((np.logaddexp(0, odds) - labels * odds).sum() + ((curve - AS_IT_IS) ** 2).sum() / (2 * LEANING**2))

    slope, intercept = minimize(unlikeliness, AS_IT_IS).x
    if slope <= 0:
        raise ModelError("The model tells fraud no better than chance on payments it has not seen: let more history arrive.")
    return Calibration(slope=float(slope), intercept=float(intercept))


def calibration_error(probability: Numbers, fraud: npt.NDArray[np.bool_]) -> float:
    """Return by how much probabilities miss the share of frauds, in the mean over groups of as many
    payments each.

    The groups hold neighbouring probabilities (Nixon et al., Measuring Calibration in Deep
    Learning, 2019).
    """
    order = np.argsort(probability, kind="stable")
    groups = zip(np.array_split(probability[order], BINS), np.array_split(fraud[order], BINS), strict=True)
    missed = [len(group) * abs(group.mean() - found.mean()) for group, found in groups if len(group)]
    return float(sum(missed) / len(probability))
