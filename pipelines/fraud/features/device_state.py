"""The record of the device fold, what it remembers of a device (DEVICE_STATE), and the features of
a device.

A sighting is a payment's second (upper 32 bits) and 32 bits of its card's hash. What is remembered
is a set, the newest sightings there are, so it does not depend on the order in which they came, and
adding one again changes nothing. So are the firsts of two years (YEAR_S).
"""

import numpy as np

from pipelines.base.arrays import Records
from pipelines.fraud.features.feature import Feature

SIGHTINGS = 15

DEVICE_STATE = np.dtype(
    [
        # When it came first in its newest year and in the year before, 0 where it did not.
        ("first_s", "u4", (2,)),
        ("sightings", "u8", (SIGHTINGS,)),  # newest first, 0 where there is none
    ],
    align=True,
)

DEVICE_FEATURES = (
    Feature("device_cards_1h", "count", "other cards that paid from this device within an hour"),
    Feature("device_cards_2d", "count", "other cards that paid from this device within 2 days"),
    Feature("device_payments_2d", "count", "payments from this device within 2 days before this one"),
    Feature("device_seen_h", "hours", "hours since the device's first payment in this year or the last"),
)


def new_devices(devices: int) -> Records:
    """Return the states of `devices` devices that have never paid."""
    return np.zeros(devices, DEVICE_STATE)
