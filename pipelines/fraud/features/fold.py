"""The one sequence of folds, for the stream, the API, a rebuild and the benchmarks: cards, then
devices, then sellers.

Training folds all of history at once instead (pipelines/fraud/training_data.py), with the same
three folds; tests compare the two.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pipelines.base.arrays import Floats, Records
from pipelines.fraud.features import card_fold, device_fold, seller_fold
from pipelines.fraud.features.card_state import new_cards
from pipelines.fraud.features.device_state import new_devices
from pipelines.fraud.features.payment_records import PAYMENT, Keys, Payments
from pipelines.fraud.features.seller_state import SELLER_RECORD


class States(NamedTuple):
    """The states of cards (CARD_STATE) and of devices (DEVICE_STATE), which a fold changes."""

    cards: Records
    devices: Records


class Known(NamedTuple):
    """What is known before payments: the states of their cards and devices, and what was published
    of their sellers (SELLER_RECORD), None where that is not known.
    """

    states: States
    sellers: Records | None


class Folded(NamedTuple):
    """What payments (n) give: their features (n, len(FEATURES)), the states they leave, and which
    of them are `repeated` (n): their card had folded the event before, so their rows mean nothing.
    """

    features: Floats
    states: States
    repeated: npt.NDArray[np.bool_]


def nothing_known(keys: Keys) -> Known:
    """Return what is known of cards and devices that have never paid, and of no seller."""
    return Known(States(new_cards(len(keys.cards)), new_devices(len(keys.devices))), None)


def fold(known: Known, payments: Payments) -> Folded:
    """Fold payments, in order of arrival, over what is known, which is left as it is.

    Cards come first, because they know which payments are repeated. Devices do not fold those.
    Sellers have no state to change here: what is known of them is only written to the features.
    """
    cards, devices = known.states.cards.copy(), known.states.devices.copy()
    features, repeated = card_fold.fold(cards, payments.card, payments.records)
    device_fold.fold(devices, payments.device, payments.records, (~repeated).nonzero()[0], features)
    if known.sellers is not None:
        seller_fold.write_known_features(known.sellers, payments.seller, payments.records, features)
    return Folded(features, States(cards, devices), repeated)


def warm_up() -> None:
    """Compile the folds, or load their compiled code, before the first payment waits for them."""
    none = np.zeros(0, np.int64)
    known = nothing_known(Keys(["card"], ["device"], ["seller"]))
    sellers = np.zeros(1, SELLER_RECORD)
    sellers.flags.writeable = False  # as records are that were read, which is another type to Numba
    fold(known._replace(sellers=sellers), Payments(np.zeros(0, PAYMENT), none, none, none))
    card_fold.late(known.states.cards, none, np.zeros(0, PAYMENT))
    device_fold.join(known.states.devices, known.states.devices.copy())
