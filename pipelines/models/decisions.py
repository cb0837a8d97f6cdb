"""What is done about a payment, by its probability of fraud: the same in the stream and in the API."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Policy:
    """From which probability a payment is reviewed, and from which it is declined."""

    review_at: float
    decline_at: float


def decide(probability: npt.NDArray[np.float64], policy: Policy) -> npt.NDArray[np.str_]:
    """Return approve, review or decline for each probability (n)."""
    reviewed = np.where(probability >= policy.review_at, "review", "approve")
    return np.where(probability >= policy.decline_at, "decline", reviewed)
