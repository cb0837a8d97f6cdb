"""What a model answers of payments, for stream and API: probabilities, decisions and reasons; and a
review by a person where it gives no number.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pipelines.base.arrays import Floats, Numbers
from pipelines.fraud.model import decisions, fraud_model
from pipelines.fraud.model.decisions import Names

# What stands for a probability that a model did not give, because readers take 0 to 1 only.
NOT_KNOWN = 0.5
NO_NUMBER = "the model gave no number for this payment"

Truths = npt.NDArray[np.bool_]


class Answers(NamedTuple):
    """Of n payments: probabilities (n, 0 to 1), decisions (n), what raised each probability that is
    not approved (n lists of words), and for which the model gave a number (n).
    """

    probability: Numbers
    decision: Names
    reasons: list[list[str]]
    is_number: Truths


def answers(model: fraud_model.Model, features: Floats) -> Answers:
    """Return what a model answers of rows of features (n, len(FEATURES))."""
    given = fraud_model.predict(model, features).astype(np.float64)
    is_number = np.isfinite(given)
    decision = decisions.decide(given, model.policy.thresholds)
    return Answers(np.where(is_number, given, NOT_KNOWN), decision, _reasons(model, features, decision, is_number), is_number)


def _reasons(model: fraud_model.Model, features: Floats, decision: Names, is_number: Truths) -> list[list[str]]:
    explained = is_number & (decision != decisions.APPROVE)
    reasons: list[list[str]] = [[] if number else [NO_NUMBER] for number in is_number]
    for i, words in zip(explained.nonzero()[0], fraud_model.reasons(model, features[explained]), strict=True):
        reasons[i] = words
    return reasons
