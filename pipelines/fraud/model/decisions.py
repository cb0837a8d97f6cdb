"""What decisions cost, and the two thresholds that cost least within what reviewers get done.

A payment is approved, reviewed or declined by its probability of fraud alone. Letting a fraud
through costs its amount and the chargeback's fee, declining an honest payment a share of its
amount, a review its price and the frauds it overlooks (Elkan, The Foundations of Cost-Sensitive
Learning, IJCAI 2001, with costs that differ from payment to payment).
"""

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipelines.base.arrays import Numbers
from pipelines.base.costs import Costs
from pipelines.fraud.model.policy import Thresholds

APPROVE, REVIEW, DECLINE = "approve", "review", "decline"
ABOVE_1 = 1 + 1e-9

Names = npt.NDArray[np.str_]


def decide(probability: Numbers, thresholds: Thresholds) -> Names:
    """Return the decision on each probability (n); where there is none (NaN), a person decides."""
    declined, approved = probability >= thresholds.decline_at, probability < thresholds.review_at
    return np.where(declined, DECLINE, np.where(approved, APPROVE, REVIEW))


def cost(decision: Names, fraud: Numbers, amount: Numbers, costs: Costs) -> Numbers:
    """Return what each decision (n) costs; `fraud` is 0 or 1, or a probability, which gives the
    expected cost.
    """
    each = _costs(fraud, amount, costs)
    return np.select([decision == APPROVE, decision == REVIEW], [each[APPROVE], each[REVIEW]], each[DECLINE])


def _costs(fraud: Numbers, amount: Numbers, costs: Costs) -> dict[str, Numbers]:
    loss = fraud * (amount + costs.chargeback_fee)
    return {
        APPROVE: loss,
        REVIEW: costs.review + (1 - costs.caught_by_review) * loss,
        DECLINE: costs.false_decline_share * (1 - fraud) * amount,
    }


def saved(probability: Numbers, fraud: Numbers, amount: Numbers, thresholds: Thresholds, costs: Costs) -> float:
    """Return what deciding so saves over approving every payment, net of reviews and false
    declines.
    """
    everything = np.full(len(probability), APPROVE)
    made = decide(probability, thresholds)
    return float((cost(everything, fraud, amount, costs) - cost(made, fraud, amount, costs)).sum())


def cheapest(probability: Numbers, fraud: Numbers, amount: Numbers, costs: Costs, days: float) -> Thresholds:
    """Return the thresholds that would have cost least on payments of so many days, with no more
    reviews than people do.

    Sorted by falling probability, the first i payments are declined, the next ones up to j reviewed
    and the rest approved. What that costs is a term in i (declining the first i instead of
    reviewing them) plus a term in j (reviewing the first j instead of approving them), plus a
    constant. There is time for `most` reviews, so i is one of the last `most` numbers up to j: a
    rolling minimum finds the best one for every j in n steps, instead of trying n² pairs. A
    threshold lies between two different probabilities, never between equal ones.
    """
    order = np.argsort(-probability, kind="stable")
    sorted_, each = probability[order], _costs(fraud[order], amount[order], costs)
    # How many payments may lie above a threshold.
    cuts = np.flatnonzero(np.diff(np.r_[np.inf, sorted_, -np.inf]))
    of_declining = _summed(each[DECLINE] - each[REVIEW])
    of_reviewing = _summed(each[REVIEW] - each[APPROVE])
    open_ = np.full(len(sorted_) + 1, np.nan)
    open_[cuts] = of_declining[cuts]
    most = min(int(costs.reviews_per_day * days), len(sorted_))
    least = pd.Series(open_).rolling(most + 1, min_periods=1).min().to_numpy()
    j = cuts[np.argmin((least + of_reviewing)[cuts])]
    window = open_[j - min(most, j) : j + 1]
    i = j - min(most, j) + int(np.nanargmin(window))
    return Thresholds(review_at=_between(sorted_, j), decline_at=_between(sorted_, i))


def _summed(steps: Numbers) -> Numbers:
    summed: Numbers = np.r_[0.0, np.cumsum(steps)]
    return summed


def _between(falling: Numbers, above: int) -> float:
    """Return a threshold that the first `above` of falling probabilities reach and the next does
    not.
    """
    edges = np.r_[ABOVE_1, falling, 0.0]
    upper, lower = edges[above], edges[above + 1]
    middle = (upper + lower) / 2
    return float(middle if middle > lower or upper == lower else upper)
