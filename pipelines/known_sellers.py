"""Tells payments what the online store's records know of their sellers, in the stream and in the API alike."""

import numpy as np
import numpy.typing as npt

from pipelines.features.card_records import Records
from pipelines.features.seller_history import as_of, tell
from pipelines.features.seller_records import HOUR_US, HOURS, unknown

AHEAD_US = (HOURS - 24) * HOUR_US  # by so much a state may be later than what it is asked for, its ring still has the day


def tell_known(known: Records, seller_of: npt.NDArray[np.int64], payments: Records, features: npt.NDArray[np.float32]) -> None:
    """Write into `features` what was known of the sellers (SELLER_RECORD) when the payments were made.

    A payment so old that both states are from its future is told what one is of a seller without a record: that nothing is
    known.
    """
    states = np.concatenate([known["before"], known["after"], unknown(1)])
    moments = as_of(payments["at_us"])
    later = moments >= known["after_us"][seller_of]
    too_old = moments < known["before_us"][seller_of] - AHEAD_US
    tell(states, np.where(too_old, 2 * len(known), seller_of + later * len(known)), payments, features)
