"""The records of the seller fold, what it remembers of a seller (SELLER_STATE) and takes besides
payments (LABEL), and the features of a seller.
"""

import numpy as np

from pipelines.base.arrays import Records
from pipelines.fraud.features.feature import Feature

# What is known of sellers counts by whole hours, from ten minutes past: until then it may still be
# on its way.
SETTLING_US = 600_000_000
HOURS = 28  # a day, and some hours by which a state may be ahead of the payment it is asked for
DAYS = 31
LAST_LABELS = 8

LABEL = np.dtype(
    [
        ("known_us", "i8"),  # from when on it may be used
        ("at_us", "i8"),  # when the payment was made
        ("labelled", "i4"),  # 1, or 0 for a correction of an earlier label of the same payment
        ("fraud", "i4"),  # 1 fraud, 0 legitimate; -1 corrects fraud to legitimate
        ("amount_z", "f4"),  # the feature of that payment: how unusual the amount was for the card
    ],
    align=True,
)

SELLER_STATE = np.dtype(
    [
        ("delay_us", "i8"),  # the label delay with which the labels were folded
        ("first_us", "i8"),
        ("paid_us", "i8"),
        ("labelled_us", "i8"),
        ("fraud_us", "i8"),
        ("legitimate_us", "i8"),
        ("run_first_us", "i8"),
        ("run_last_us", "i8"),
        ("payments", "i8"),
        ("labels", "i8"),
        ("frauds", "i8"),
        ("run_frauds", "i4"),
        ("run_legitimate", "i4"),
        ("frauds_in_a_row", "i4"),
        ("legitimate_in_a_row", "i4"),
        ("last_labels", "u1", (LAST_LABELS,)),
        ("hour_amount", "f8", (HOURS,)),
        ("day_amount", "f8", (DAYS,)),
        ("hour_payments", "i4", (HOURS,)),
        ("day_payments", "i4", (DAYS,)),
        ("hour_labels", "i4", (HOURS,)),
        ("hour_frauds", "i4", (HOURS,)),
        ("day_labels", "i4", (DAYS,)),
        ("day_frauds", "i4", (DAYS,)),
        ("unused", "i4"),  # named, because copies need not keep what lies between fields
    ],
    align=True,
)

# What is known of a seller at two moments: a payment made before the later one gets what was known
# at the earlier one.
SELLER_RECORD = np.dtype(
    [("before_us", "i8"), ("after_us", "i8"), ("before", SELLER_STATE), ("after", SELLER_STATE)], align=True
)

RISK = {"1d": "a day", "7d": "7 days", "30d": "30 days"}

# Labels are those of payments that are older than the label delay: windows of labels end there, not
# now.
SELLER_FEATURES = (
    Feature("seller_payments_1h", "count", "payments to the seller in the last whole hour"),
    Feature("seller_payments_24h", "count", "payments to the seller in the last 24 whole hours"),
    Feature("seller_amount_24h", "money", "amount paid to the seller in the last 24 whole hours"),
    Feature("seller_payments_7d", "count", "payments to the seller within 7 days"),
    Feature("seller_payments_30d", "count", "payments to the seller within 30 days"),
    Feature("seller_amount_mean_30d", "money", "mean amount paid to the seller within 30 days"),
    Feature("seller_payments_24h_over_30d", "ratio", "payments to the seller in 24 hours as a multiple of its mean day of 30"),
    Feature("amount_over_seller_mean", "ratio", "amount as a multiple of the mean paid to the seller within 30 days"),
    Feature("seller_age_d", "days", "days since the seller's first payment, without silences of half a year"),
    *(
        feature
        for window, words in RISK.items()
        for feature in (
            Feature(
                f"seller_labels_{window}", "count", f"payments to the seller with a label, within {words} before the delay"
            ),
            Feature(f"seller_frauds_{window}", "count", f"frauds among the seller's labels within {words} before the delay"),
            Feature(
                f"seller_fraud_rate_{window}",
                "share",
                f"share of frauds in the seller's labels within {words} before the delay",
            ),
        )
    ),
    Feature("seller_fraud_rate", "share", "share of frauds in all labels of the seller"),
    Feature("seller_last_fraud", "flag", "the seller's last label is fraud"),
    Feature("seller_frauds_of_3", "count", "frauds among the seller's last 3 labels"),
    Feature("seller_frauds_of_8", "count", "frauds among the seller's last 8 labels"),
    Feature("seller_frauds_in_a_row", "count", "labels of the seller since its last legitimate one"),
    Feature("seller_legitimate_in_a_row", "count", "labels of the seller since its last fraud"),
    Feature("seller_since_label_d", "days", "days since the last payment to the seller that has a label"),
    Feature("seller_since_fraud_d", "days", "days since the last payment to the seller that is known as fraud"),
    Feature("seller_since_legitimate_d", "days", "days since the last payment to the seller that is known as legitimate"),
    Feature("seller_run_frauds", "count", "frauds of ordinary amount in the seller's current run of them"),
    Feature("seller_run_age_d", "days", "days since the first fraud of ordinary amount in the seller's current run of them"),
    Feature(
        "seller_run_length_d", "days", "days from the first to the last fraud in the seller's current run of ordinary amounts"
    ),
    Feature(
        "seller_run_legitimate",
        "count",
        "legitimate labels of the seller since its current run of frauds of ordinary amount began",
    ),
)


def new_sellers(sellers: int) -> Records:
    """Return the states of `sellers` sellers of whom nothing is known."""
    return np.zeros(sellers, SELLER_STATE)
