"""Each payment gets what is known of its own card, device and seller."""

import numpy as np

from api.payments.reader import read_each
from pipelines.fraud.features.card_state import new_cards
from pipelines.fraud.features.device_state import new_devices
from pipelines.fraud.features.fold import Known, States
from pipelines.fraud.features.payment_records import Keys
from pipelines.fraud.features.seller_state import SELLER_RECORD
from pipelines.fraud.store import Reading


def peek(wanted: Keys) -> Reading:
    """Return states that hold the numbers of their cards, devices and sellers."""
    states, sellers = States(new_cards(len(wanted.cards)), new_devices(len(wanted.devices))), np.zeros(3, SELLER_RECORD)
    states.cards["payments"], states.devices["first_s"][:, 0], sellers["after_us"] = (
        [int(id_) for id_ in ids] for ids in wanted
    )
    return Reading(Known(states, sellers), "1")


def test_what_is_read_together_is_handed_to_each() -> None:
    readings = read_each(peek, [Keys([card], [f"{card}00"], [f"{card}0"]) for card in ("2", "3", "2")])
    known = [reading.known for reading in readings]
    assert [each.states.cards["payments"].tolist() for each in known] == [[2], [3], [2]]
    assert [each.states.devices["first_s"][:, 0].tolist() for each in known] == [[200], [300], [200]]
    assert [each.sellers["after_us"].tolist() for each in known if each.sellers is not None] == [[20], [30], [20]]
    assert {reading.model_version for reading in readings} == {"1"}


def test_without_sellers_none_are_known() -> None:
    def without_sellers(wanted: Keys) -> Reading:
        return Reading(Known(peek(wanted).known.states, None), "1")

    keys = [Keys([card], [card], [card]) for card in "123"]
    assert [reading.known.sellers for reading in read_each(without_sellers, keys)] == [None] * 3
