"""Reads what is known of cards, devices and sellers for all payments that wait, together."""

from collections.abc import Callable, Sequence

from prometheus_client import Counter

from api.state_reader import StateReader
from pipelines.fraud.features.fold import Known, States
from pipelines.fraud.features.payment_records import Keys
from pipelines.fraud.store import Reading

Peek = Callable[[Keys], Reading]
# By the keys of one payment: a card, a device and a seller.
PaymentReader = StateReader[Keys, Reading]


def payment_reader(peek: Peek, within_s: float, degraded: Counter) -> PaymentReader:
    """Return what reads states by `peek`, for payments that wait at most `within_s` seconds, and
    counts those that are scored without them.
    """
    return StateReader("read card states", lambda wanted: read_each(peek, wanted), within_s, degraded, "scoring_degraded")


def read_each(peek: Peek, wanted: Sequence[Keys]) -> list[Reading]:
    """Return what is known of the keys of each payment, read for all of them at once."""
    reading = peek(_together(wanted))
    (cards, devices), sellers = reading.known
    return [
        Reading(
            Known(States(cards[i : i + 1], devices[i : i + 1]), None if sellers is None else sellers[i : i + 1]),
            reading.model_version,
        )
        for i in range(len(wanted))
    ]


def _together(wanted: Sequence[Keys]) -> Keys:
    """Return the keys of all payments, in their order."""
    return Keys(
        [card for keys in wanted for card in keys.cards],
        [device for keys in wanted for device in keys.devices],
        [seller for keys in wanted for seller in keys.sellers],
    )
