"""Turns a model's margins into probabilities that hold what they say, learned on payments that the model has not seen."""

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from pipelines.errors import ModelError
from pipelines.models.policy import Calibration

Numbers = npt.NDArray[np.floating]
BINS = 15


def calibrated(margin: Numbers, fraud: npt.NDArray[np.bool_]) -> Calibration:
    """Return the logistic curve over margins (n) that fits the labels (n) best.

    The labels are smoothed, so that few frauds do not make it too sure (Platt, Probabilistic Outputs for Support Vector
    Machines, 1999). Raises ModelError when fraud does not grow likelier with the margin.
    """
    frauds, honest = int(fraud.sum()), int((~fraud).sum())
    target = np.where(fraud, (frauds + 1) / (frauds + 2), 1 / (honest + 2))
    margins, labels = np.tile(margin, 2).reshape(-1, 1), np.repeat([1, 0], len(margin))
    curve = LogisticRegression(C=np.inf).fit(margins, labels, sample_weight=np.r_[target, 1 - target])
    slope, intercept = float(curve.coef_[0, 0]), float(curve.intercept_[0])
    if slope <= 0:
        raise ModelError("The model tells fraud no better than chance on payments it has not seen: let more history arrive.")
    return Calibration(slope=slope, intercept=intercept)


def calibration_error(probability: Numbers, fraud: npt.NDArray[np.bool_]) -> float:
    """Return by how much probabilities miss the share of frauds, in the mean over groups of as many payments each.

    The groups hold neighbouring probabilities (Nixon et al., Measuring Calibration in Deep Learning, 2019).
    """
    order = np.argsort(probability, kind="stable")
    groups = zip(np.array_split(probability[order], BINS), np.array_split(fraud[order], BINS), strict=True)
    missed = [len(said) * abs(said.mean() - found.mean()) for said, found in groups if len(said)]
    return float(sum(missed) / len(probability))
