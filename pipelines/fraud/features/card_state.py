"""The record of the card fold, what it remembers of a card (CARD_STATE), and the features of a
card.
"""

import numpy as np

from pipelines.base.arrays import Records
from pipelines.fraud.features.feature import Feature

HALF_LIVES_S = (600.0, 21_600.0, 86_400.0, 604_800.0)
HOUR_SLOTS, HOUR_SLOT_US = 12, 300_000_000
DAY_SLOTS, DAY_SLOT_US = 24, 3_600_000_000
MONTH_SLOTS, MONTH_SLOT_US = 30, 86_400_000_000
MOST = 65_535  # payments that a slot can count
PLACES = 4  # devices, countries and sellers remembered of a card
EVENTS = 8  # event ids remembered of a card
HIGHS = 6  # unusually high amounts remembered of a card
HIGH_STEPS, HIGHEST = 4, 255  # how high they were: in quarters of a deviation, 255 of them at most
SKETCH_BITS = 64

# At most a kilobyte, because the online store keeps it twice per card: hence short floats in the
# rings, hashes of 32 bits and times in seconds where places are remembered, and hashes of 16 bits
# where one is only compared with the next. It fills the kilobyte, and no bytes lie between the
# fields: copies need not keep what does, and states are compared by bytes.
CARD_STATE = np.dtype(
    [
        ("first_us", "i8"),
        ("last_us", "i8"),
        ("amount_mean", "f8"),
        ("amount_squares", "f8"),
        ("events", "u8", (EVENTS,)),
        ("located_us", "i8"),
        ("sellers_sketch", "u8"),
        ("devices_sketch", "u8"),
        ("countries_sketch", "u8"),
        ("sellers_by_day", "u8", (2,)),
        ("devices_by_day", "u8", (2,)),
        ("payments", "u4"),
        ("nights", "u4"),
        ("weekends", "u4"),
        ("amount_max", "f4"),
        ("amount_last", "f4"),
        ("log_mean", "f4"),
        ("log_squares", "f4"),
        ("installments", "f4"),
        ("latitude", "f4"),
        ("longitude", "f4"),
        ("decayed_payments", "f4", (len(HALF_LIVES_S),)),
        ("decayed_amount", "f4", (len(HALF_LIVES_S),)),
        ("high_s", "u4", (HIGHS,)),
        ("devices", "u4", (PLACES,)),
        ("devices_s", "u4", (PLACES,)),
        ("countries", "u4", (PLACES,)),
        ("countries_s", "u4", (PLACES,)),
        ("sellers", "u4", (PLACES,)),
        ("sellers_s", "u4", (PLACES,)),
        ("hour_amount", "f4", (HOUR_SLOTS,)),
        ("hour_squares", "f4", (HOUR_SLOTS,)),
        ("day_amount", "f4", (DAY_SLOTS,)),
        ("day_squares", "f4", (DAY_SLOTS,)),
        ("month_amount", "f4", (MONTH_SLOTS,)),
        ("month_squares", "f4", (MONTH_SLOTS,)),
        ("hour_payments", "u2", (HOUR_SLOTS,)),
        ("day_payments", "u2", (DAY_SLOTS,)),
        ("month_payments", "u2", (MONTH_SLOTS,)),
        ("currency", "u2"),
        ("customer", "u2"),
        ("first_customer", "u2"),
        ("high_z", "u1", (HIGHS,)),
    ],
    align=True,
)

WINDOWS = {"1h": "an hour", "24h": "a day", "7d": "7 days", "30d": "30 days"}
HALVED = {"10m": "10 minutes", "6h": "6 hours", "1d": "day", "7d": "7 days"}

# The order is the model's. A new feature is a line here and a line in the fold; NaN means unknown.
CARD_FEATURES = (
    Feature("amount", "money", "amount of this payment"),
    Feature("amount_per_installment", "money", "amount of each monthly installment of this payment"),
    Feature("whole_amount", "flag", "amount without cents"),
    Feature("installments", "months", "monthly installments of this payment"),
    Feature("attempt_number", "count", "attempts to pay this order, this one included"),
    Feature("hour", "hour", "hour of the day, UTC"),
    Feature("weekday", "day", "day of the week, Monday = 0"),
    Feature("night", "flag", "paid between 22 and 6 h UTC"),
    Feature("weekend", "flag", "paid on a Saturday or Sunday, UTC"),
    Feature("credit_card", "flag", "paid by credit card"),
    Feature("debit_card", "flag", "paid by debit card"),
    Feature("app", "flag", "paid in the app"),
    Feature("three_d_secure", "flag", "card holder authenticated with 3-D Secure"),
    Feature("currency_changed", "flag", "another currency than the card's last payment"),
    Feature("payments_before", "count", "payments with this card before this one"),
    Feature("card_age_d", "days", "days since the card's first payment, without silences of half a year"),
    Feature("since_last_s", "seconds", "seconds since the card's last payment"),
    Feature("gap_mean_h", "hours", "mean time between the card's payments before this one"),
    Feature("gap_over_mean", "ratio", "time since the card's last payment as a multiple of the mean"),
    Feature("night_share", "share", "share of the card's payments before this one between 22 and 6 h UTC"),
    Feature("weekend_share", "share", "share of the card's payments before this one on weekends"),
    Feature("installments_mean", "months", "mean number of installments of the card's payments before this one"),
    *(
        feature
        for window, words in WINDOWS.items()
        for feature in (
            Feature(f"payments_{window}", "count", f"payments with this card within {words}, this one included"),
            Feature(f"amount_{window}", "money", f"amount paid with this card within {words}, this one included"),
            Feature(f"amount_mean_{window}", "money", f"mean amount of the card within {words}, this one included"),
            Feature(
                f"amount_sd_{window}", "money", f"standard deviation of the card's amounts within {words}, this one included"
            ),
        )
    ),
    Feature("active_days_30d", "days", "days among the last 30 on which the card paid, today included"),
    Feature("payments_24h_over_30d", "ratio", "payments within a day as a multiple of the card's mean day of the last 30"),
    Feature("amount_24h_over_30d", "ratio", "amount paid within a day as a multiple of the card's mean day of the last 30"),
    *(
        Feature(f"payments_{name}_decayed", "count", f"payments with this card, halved every {word}")
        for name, word in HALVED.items()
    ),
    *(
        Feature(f"amount_{name}_decayed", "money", f"amount paid with this card, halved every {word}")
        for name, word in HALVED.items()
    ),
    Feature("amount_mean", "money", "the card's mean amount before this payment"),
    Feature("amount_sd", "money", "standard deviation of the card's amounts before this payment"),
    Feature("amount_above_mean", "money", "amount above the card's mean"),
    Feature("amount_over_mean", "ratio", "amount as a multiple of the card's mean"),
    Feature("amount_z", "deviations", "standard deviations (a tenth of the mean at least) of the amount above the card's mean"),
    Feature("amount_log_z", "deviations", "standard deviations of the amount above the card's mean, both as logarithms"),
    Feature("amount_over_max", "ratio", "amount as a multiple of the card's largest before"),
    Feature("amount_over_last", "ratio", "amount as a multiple of the card's last one"),
    Feature("amount_over_mean_7d", "ratio", "amount as a multiple of the card's mean within 7 days, this one included"),
    Feature("amount_over_mean_30d", "ratio", "amount as a multiple of the card's mean within 30 days, this one included"),
    Feature("high_1d", "count", "unusually high amounts of the card in the day before"),
    Feature("high_3d", "count", "unusually high amounts of the card in the 3 days before"),
    Feature("high_7d", "count", "unusually high amounts of the card in the 7 days before"),
    Feature("high_14d", "count", "unusually high amounts of the card in the 14 days before"),
    Feature("high_z_3d", "deviations", "the highest of the card's unusually high amounts in the 3 days before, above its mean"),
    Feature(
        "high_z_14d", "deviations", "the highest of the card's unusually high amounts in the 14 days before, above its mean"
    ),
    Feature("since_high_h", "hours", "hours since the card's last unusually high amount"),
    Feature("customer_changed", "flag", "another customer than the card's last payment"),
    Feature("customer_not_first", "flag", "another customer than the card's first payment"),
    Feature("new_device", "flag", "first payment of the card from this device"),
    Feature("device_age_h", "hours", "hours since the card's first payment from this device"),
    Feature("device_changed", "flag", "another device than the card's last payment"),
    Feature("devices_distinct", "count", "distinct devices of the card so far, estimated"),
    Feature("devices_2d", "count", "distinct devices of the card today and yesterday, estimated"),
    Feature("new_country", "flag", "first payment of the card from this country"),
    Feature("country_age_h", "hours", "hours since the card's first payment from this country"),
    Feature("country_changed", "flag", "another country than the card's last payment"),
    Feature("countries_distinct", "count", "distinct countries of the card so far, estimated"),
    Feature("new_seller", "flag", "first payment of the card to this seller"),
    Feature("seller_known_h", "hours", "hours since the card's first payment to this seller"),
    Feature("sellers_distinct", "count", "distinct sellers of the card so far, estimated"),
    Feature("sellers_2d", "count", "distinct sellers of the card today and yesterday, estimated"),
    Feature("distance_km", "km", "kilometres from the place of the card's last payment"),
    Feature("speed_km_h", "km/h", "speed from the place of the card's last payment"),
    Feature("impossible_travel", "flag", "farther from the card's last place than an airliner flies in the time"),
)


def new_cards(cards: int) -> Records:
    """Return the states of `cards` cards that have never paid."""
    return np.zeros(cards, CARD_STATE)
