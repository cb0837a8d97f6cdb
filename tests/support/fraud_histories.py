"""Histories of payments for tests of training and measuring: dear payments with a feature out of
line are fraud, mostly.
"""

import numpy as np

from pipelines.base.arrays import DAY_US
from pipelines.fraud.features.feature_set import FEATURES
from pipelines.fraud.model.history import History

DAYS, PER_DAY = 40, 200


def a_history(days: int = DAYS, fraud_share: float = 0.05, seed: int = 5) -> History:
    """Build days of payments of 50 cards, in which two campaigns take turns."""
    random = np.random.default_rng(seed)
    count = days * PER_DAY
    fraud = random.random(count) < fraud_share
    features = random.normal(size=(count, len(FEATURES))).astype(np.float32)
    features[:, 0] += 3 * fraud
    features[:, 1] *= np.where(fraud, 3, 1)  # no straight line shows this one
    at_us = np.sort(random.integers(0, days * DAY_US, count))
    campaign = np.where(fraud, np.where(np.arange(count) % 2, "stolen_card", "card_testing"), "").astype(np.object_)
    return History(features, fraud, at_us, random.integers(0, 50, count), random.uniform(5, 500, count), campaign)
