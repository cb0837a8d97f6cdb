"""What fraud keeps in the online store: states of cards and devices in two versions, what is known
of sellers, and beside them the published models.

A seller's record holds what was known at two moments: a payment made before the later one gets what
was known at the earlier one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.base.arrays import Records
from pipelines.base.errors import CheckpointError
from pipelines.fraud.features import device_fold
from pipelines.fraud.features.card_state import CARD_STATE
from pipelines.fraud.features.device_state import DEVICE_STATE
from pipelines.fraud.features.feature_set import FEATURE_SET
from pipelines.fraud.features.fold import Known, States
from pipelines.fraud.features.payment_records import Keys
from pipelines.fraud.features.seller_state import SELLER_RECORD
from pipelines.models.published import CHALLENGER, PublishedModels, pointer
from pipelines.online_store.client import Client, Values, decoded
from pipelines.online_store.fenced_records import FencedRecords
from pipelines.online_store.two_version_records import FENCE, Batch, TwoVersionRecords, two_versions

CARD_RECORD, DEVICE_RECORD = two_versions(CARD_STATE), two_versions(DEVICE_STATE)
SELLERS_LATE = "A step of the sellers' states came late: {}; where another process publishes them too, stop one of the two."
SELLERS_KNOWN, SELLERS_DELAY = f"sellers:{FEATURE_SET}:known_us", f"sellers:{FEATURE_SET}:delay_us"


@dataclass(frozen=True)
class Reading:
    """What scoring starts from: what is known of the cards, devices and sellers of some Keys, each
    in their order, and the published versions of champion and challenger.
    """

    known: Known
    model_version: str | None
    challenger_version: str | None = None


class FraudStore:
    """Fraud's part of one server; every method raises ServiceUnreachable when it fails."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.models = PublishedModels(client)
        self.cards = TwoVersionRecords(client, CARD_RECORD)
        self.devices = TwoVersionRecords(client, DEVICE_RECORD)
        self.sellers = FencedRecords(client, SELLER_RECORD, 0, "after_us")

    def read(self, keys: Keys, batch: Batch, model_name: str) -> Reading:
        """Return what is known of `keys` when `batch` starts, and the models: in one round trip,
        where they are few.

        Raises CheckpointError when a card or a device has already folded a later batch of the same
        query.
        """
        pointers = [pointer(model_name), pointer(model_name, CHALLENGER)]
        with self.client.doing("read card states"):
            versions, values = self.client.get_after(pointers, _all_keys(keys))
        current, challenger = (version.decode() if version else None for version in versions)
        cards, devices, sellers = _parted(values, keys)
        states = States(self.cards.starting(cards, batch), self.devices.starting(devices, batch))
        return Reading(Known(states, decoded(sellers, SELLER_RECORD)), current, challenger)

    def peek(self, keys: Keys, model_name: str) -> Reading:
        """Return what is known of a few `keys` after the last batch applied to each, and the model
        to use, in one command.

        For those who only look: nothing may be written that starts from these states.
        """
        with self.client.doing("read card states"):
            version, *values = self.client.get_few([pointer(model_name), *_all_keys(keys)])
        cards, devices, sellers = _parted(values, keys)
        states = States(self.cards.latest(cards), self.devices.latest(devices))
        return Reading(Known(states, decoded(sellers, SELLER_RECORD)), version.decode() if version else None)

    def write(self, keys: Keys, before: States, after: States, batch: Batch) -> None:
        """Store the states before and after `batch` of the cards and devices of `keys`; devices
        joined with what other tasks of this batch have seen of them.

        Raises CheckpointError where a later batch of the same query has been written, which stays.
        """
        with self.client.doing("write card states"):
            self.cards.write(_card_keys(keys.cards), before.cards, after.cards, batch)
        with self.client.doing("write device states"):
            devices = _device_keys(keys.devices)
            self.devices.write_joined(devices, before.devices, after.devices, batch, device_fold.join)

    def forget_cards(self) -> None:
        """Remove the states of all cards and devices, so that payments can be folded again from the
        first.
        """
        with self.client.doing("forget card states"):
            for pattern in ("card:*", "device:*", f"{FENCE}*"):
                self.client.remove_matching(pattern)

    def read_sellers(self, sellers: Sequence[str]) -> Records:
        """Return what is known of `sellers`, in their order (SELLER_RECORD)."""
        with self.client.doing("read seller states"):
            return decoded(self.client.get(_seller_keys(sellers)), SELLER_RECORD)

    def write_sellers(self, sellers: Sequence[str], records: Records) -> None:
        """Store what is known of `sellers` (SELLER_RECORD), in their order.

        Raises CheckpointError where more is known of one already, which then stays.
        """
        with self.client.doing("write seller states"):
            late = self.sellers.write(_seller_keys(sellers), records)
        if late:
            raise CheckpointError(SELLERS_LATE.format(f"of {late} sellers the online store knows more already"))

    def note_sellers_known(self, known_us: int, delay_us: int) -> None:
        """Note that the states of all sellers are whole up to `known_us`, with labels made with the
        label delay `delay_us`.
        """
        with self.client.doing("note until when sellers are known"):
            self.client.reader.mset({SELLERS_KNOWN: known_us, SELLERS_DELAY: delay_us})

    def note_step_of_sellers(self, begin_us: int, end_us: int, delay_us: int) -> None:
        """Note the same of `end_us` after a step from `begin_us` on.

        Raises CheckpointError where the states are not those of `begin_us` any more.
        """

        def noted(pipe: Any) -> None:
            if int(pipe.get(SELLERS_KNOWN) or 0) != begin_us:
                raise CheckpointError(SELLERS_LATE.format("the online store does not hold the states that it began with"))
            pipe.multi()
            pipe.mset({SELLERS_KNOWN: end_us, SELLERS_DELAY: delay_us})

        with self.client.doing("note until when sellers are known"):
            self.client.reader.transaction(noted, SELLERS_KNOWN)

    def sellers_known_us(self, delay_us: int) -> int:
        """Return until when payments and labels are in the states of sellers, 0 where none were
        published with this delay.
        """
        with self.client.doing("read until when sellers are known"):
            known_us, folded_with = self.client.get_few([SELLERS_KNOWN, SELLERS_DELAY])
        return int(known_us or 0) if folded_with is not None and int(folded_with) == delay_us else 0


def _all_keys(keys: Keys) -> list[str]:
    return [*_card_keys(keys.cards), *_device_keys(keys.devices), *_seller_keys(keys.sellers)]


def _card_keys(cards: Sequence[str]) -> list[str]:
    return [f"card:{FEATURE_SET}:{card}" for card in cards]


def _device_keys(devices: Sequence[str]) -> list[str]:
    return [f"device:{FEATURE_SET}:{device}" for device in devices]


def _seller_keys(sellers: Sequence[str]) -> list[str]:
    return [f"seller:{FEATURE_SET}:{seller}" for seller in sellers]


def _parted(values: Values, keys: Keys) -> tuple[Values, Values, Values]:
    """Return the values of cards, of devices, and of sellers, which were asked for in this
    order.
    """
    first, last = len(keys.cards), len(keys.cards) + len(keys.devices)
    return values[:first], values[first:last], values[last:]
