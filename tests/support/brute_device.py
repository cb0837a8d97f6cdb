"""The device features by brute force: from all that arrived from a device, in plain Python, one
payment at a time.
"""

import math
from typing import NamedTuple

HOUR_S, DAY_S, YEAR_S = 3600, 86_400, 31_536_000

Features = dict[str, float]


class Sighting(NamedTuple):
    """A payment's second and its card, 0 for none."""

    at_s: int
    card: int


def remembered(arrived: list[Sighting], most: int) -> list[Sighting]:
    """Return what a device that may remember `most` sightings has kept of those that arrived: the
    newest, each once.
    """
    newest: list[Sighting] = []
    for sighting in arrived:
        newest = sorted({*newest, sighting})[-most:]
    return newest


def brute_force(payment: Sighting, arrived: list[Sighting], most: int) -> Features:
    """Return the device features of a payment, given what arrived from its device before it."""
    known = [sighting for sighting in remembered(arrived, most) if sighting.at_s <= payment.at_s]
    newest = max((sighting.at_s // YEAR_S for sighting in arrived), default=0)
    years = {newest, newest - 1} & {payment.at_s // YEAR_S, payment.at_s // YEAR_S - 1}
    first_s = min((sighting.at_s for sighting in arrived if sighting.at_s // YEAR_S in years), default=math.inf)

    def within(seconds: float) -> list[Sighting]:
        return [sighting for sighting in known if payment.at_s - sighting.at_s < seconds]

    def others(seconds: float) -> int:
        return len({sighting.card for sighting in within(seconds)} - {payment.card, 0})

    return {
        "device_cards_1h": others(HOUR_S),
        "device_cards_2d": others(2 * DAY_S),
        "device_payments_2d": len(within(2 * DAY_S)),
        "device_seen_h": (payment.at_s - first_s) / HOUR_S if first_s <= payment.at_s else math.nan,
    }
