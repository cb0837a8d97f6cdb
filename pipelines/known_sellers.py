"""Tells payments what the online store's records know of their sellers, in the stream and in the API alike."""

import numpy as np
import numpy.typing as npt

from pipelines.features.card_records import Records
from pipelines.features.seller_history import as_of, tell


def tell_known(known: Records, seller_of: npt.NDArray[np.int64], payments: Records, features: npt.NDArray[np.float32]) -> None:
    """Write into `features` what was known of the sellers (SELLER_RECORD) when the payments were made."""
    states = np.concatenate([known["before"], known["after"]])
    later = as_of(payments["at_us"]) >= known["after_us"][seller_of]
    tell(states, seller_of + later * len(known), payments, features)
