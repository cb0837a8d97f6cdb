"""The fixed records of the card fold: what it takes (PAYMENT), remembers (STATE) and gives (FEATURES)."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

# Changes whenever STATE, FEATURES or the fold change: states and models of another version are refused.
FEATURE_SET = "card_activity/1"

HALF_LIVES_S = (600.0, 86_400.0, 604_800.0)
HOUR_SLOTS, HOUR_SLOT_US = 12, 300_000_000
DAY_SLOTS, DAY_SLOT_US = 24, 3_600_000_000
PLACES = 4  # devices, countries and sellers remembered of a card
EVENTS = 8  # event ids remembered of a card

Records = npt.NDArray[np.void]

PAYMENT = np.dtype(
    [
        ("at_us", "i8"),
        ("event", "u8"),
        ("amount", "f8"),
        ("seller", "u8"),
        ("device", "u8"),
        ("country", "u8"),
        ("latitude", "f8"),
        ("longitude", "f8"),
        ("installments", "f4"),
        ("attempt_number", "f4"),
        ("credit_card", "f4"),
        ("debit_card", "f4"),
        ("app", "f4"),
        ("three_d_secure", "f4"),
    ],
    align=True,
)

STATE = np.dtype(
    [
        ("payments", "i8"),
        ("first_us", "i8"),
        ("last_us", "i8"),
        ("amount_mean", "f8"),
        ("amount_squares", "f8"),
        ("amount_max", "f8"),
        ("nights", "i8"),
        ("decayed_payments", "f8", (len(HALF_LIVES_S),)),
        ("decayed_amount", "f8", (len(HALF_LIVES_S),)),
        ("hour_payments", "i4", (HOUR_SLOTS,)),
        ("hour_amount", "f4", (HOUR_SLOTS,)),
        ("day_payments", "i4", (DAY_SLOTS,)),
        ("day_amount", "f4", (DAY_SLOTS,)),
        ("devices", "u8", (PLACES,)),
        ("devices_us", "i8", (PLACES,)),
        ("countries", "u8", (PLACES,)),
        ("countries_us", "i8", (PLACES,)),
        ("sellers", "u8", (PLACES,)),
        ("sellers_us", "i8", (PLACES,)),
        ("events", "u8", (EVENTS,)),
        ("located", "i8"),
        ("latitude", "f8"),
        ("longitude", "f8"),
    ],
    align=True,
)


@dataclass(frozen=True)
class Feature:
    """One number the model sees: its name, its unit, and what it says in words."""

    name: str
    unit: str
    meaning: str


# The order is the model's. A new feature is a line here and a line in the fold; NaN means unknown.
FEATURES = (
    Feature("amount", "money", "amount of this payment"),
    Feature("installments", "months", "monthly installments of this payment"),
    Feature("attempt_number", "count", "attempts to pay this order, this one included"),
    Feature("hour", "hour", "hour of the day, UTC"),
    Feature("weekday", "day", "day of the week, Monday = 0"),
    Feature("credit_card", "flag", "paid by credit card"),
    Feature("debit_card", "flag", "paid by debit card"),
    Feature("app", "flag", "paid in the app"),
    Feature("three_d_secure", "flag", "card holder authenticated with 3-D Secure"),
    Feature("payments_before", "count", "payments with this card before this one"),
    Feature("card_age_d", "days", "days since the card's first payment"),
    Feature("since_last_s", "seconds", "seconds since the card's last payment"),
    Feature("payments_1h", "count", "payments with this card within an hour, this one included"),
    Feature("amount_1h", "money", "amount paid with this card within an hour, this one included"),
    Feature("payments_24h", "count", "payments with this card within a day, this one included"),
    Feature("amount_24h", "money", "amount paid with this card within a day, this one included"),
    Feature("payments_10m_decayed", "count", "payments with this card, halved every 10 minutes"),
    Feature("payments_1d_decayed", "count", "payments with this card, halved every day"),
    Feature("payments_7d_decayed", "count", "payments with this card, halved every 7 days"),
    Feature("amount_10m_decayed", "money", "amount paid with this card, halved every 10 minutes"),
    Feature("amount_1d_decayed", "money", "amount paid with this card, halved every day"),
    Feature("amount_7d_decayed", "money", "amount paid with this card, halved every 7 days"),
    Feature("amount_mean", "money", "the card's mean amount before this payment"),
    Feature("amount_sd", "money", "standard deviation of the card's amounts before this payment"),
    Feature("amount_over_mean", "ratio", "amount as a multiple of the card's mean"),
    Feature("amount_z", "deviations", "standard deviations of the amount above the card's mean"),
    Feature("amount_over_max", "ratio", "amount as a multiple of the card's largest before"),
    Feature("night_share", "share", "share of the card's payments before this one between 22 and 6 h UTC"),
    Feature("new_device", "flag", "first payment of the card from this device"),
    Feature("device_age_h", "hours", "hours since the card's first payment from this device"),
    Feature("new_country", "flag", "first payment of the card from this country"),
    Feature("country_age_h", "hours", "hours since the card's first payment from this country"),
    Feature("new_seller", "flag", "first payment of the card to this seller"),
    Feature("distance_km", "km", "kilometres from the place of the card's last payment"),
    Feature("speed_km_h", "km/h", "speed from the place of the card's last payment"),
)
FEATURE_NAMES = tuple(feature.name for feature in FEATURES)
ROW = np.dtype([(name, "f4") for name in FEATURE_NAMES])


def blank(cards: int) -> Records:
    """Return the states of `cards` cards that have never paid."""
    return np.zeros(cards, STATE)
