"""How good a fraud model is on payments it has not seen: ranking, calibration, campaigns found, and
money saved.
"""

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

from pipelines.base.arrays import DAY_US, Floats, Numbers
from pipelines.fraud.model import decisions
from pipelines.fraud.model.calibration import calibration_error
from pipelines.fraud.model.history import History
from pipelines.fraud.model.policy import Policy

FALSE_POSITIVE_SHARES = {"0_1_pct": 0.001, "1_pct": 0.01}


def evaluate(test: History, probability: Floats, policy: Policy) -> dict[str, float]:
    """Return the figures of calibrated probabilities (n), and of what the policy decides by them,
    on the test payments.
    """
    exact = probability.astype(np.float64)
    return {
        "auc": float(roc_auc_score(test.fraud, exact)),
        "average_precision": float(average_precision_score(test.fraud, exact)),
        "card_precision_100": card_precision(test, probability, 100),
        "brier": float(brier_score_loss(test.fraud, exact)),
        "log_loss": float(log_loss(test.fraud, exact, labels=[False, True])),
        "calibration_error": calibration_error(exact, test.fraud),
        **_campaigns_found(test, probability),
        **_money(test, exact, policy),
    }


def card_precision(test: History, probability: Floats, cards: int) -> float:
    """Return the mean over days of the share of defrauded cards among the `cards` with the highest
    score of the day.
    """
    rows = pd.DataFrame({"day": test.at_us // DAY_US, "card": test.card, "fraud": test.fraud, "probability": probability})
    by_card = rows.groupby(["day", "card"], as_index=False).agg(fraud=("fraud", "max"), probability=("probability", "max"))
    highest = by_card.sort_values("probability", ascending=False).groupby("day").head(cards)
    return float((highest.groupby("day")["fraud"].sum() / cards).mean())


def _campaigns_found(test: History, probability: Floats) -> dict[str, float]:
    """Return the share of frauds above the probability that so few honest payments exceed, of all
    and of each campaign.
    """
    found = {}
    for name, share in FALSE_POSITIVE_SHARES.items():
        limit = np.quantile(probability[~test.fraud], 1 - share, method="higher")
        above = probability > limit
        found[f"recall_at_fpr_{name}"] = float(above[test.fraud].mean())
        for campaign in np.unique(test.campaign[test.fraud].astype(str)):
            of_it = test.fraud & (test.campaign == campaign)
            found[f"recall_at_fpr_{name}_{campaign}"] = float(above[of_it].mean())
    return found


def _money(test: History, probability: Numbers, policy: Policy) -> dict[str, float]:
    """Return what deciding so saves over approving every payment, net of its costs, and how often
    it asks or declines.
    """
    fraud = test.fraud.astype(np.float64)
    made = decisions.decide(probability, policy.thresholds)
    lost = float((fraud * (test.amount + policy.costs.chargeback_fee)).sum())
    saved = decisions.saved(probability, fraud, test.amount, policy.thresholds, policy.costs)
    return {
        "money_saved": saved,
        "money_saved_share": saved / lost,
        "review_share": float((made == decisions.REVIEW).mean()),
        "decline_share": float((made == decisions.DECLINE).mean()),
        "honest_decline_share": float((made == decisions.DECLINE)[~test.fraud].mean()),
        "reviews_per_day": float((made == decisions.REVIEW).sum()) / max(test.days, 1),
        "declines_per_day": float((made == decisions.DECLINE).sum()) / max(test.days, 1),
    }
