"""The one definition of the card features: payments folded over card states, for training, the stream and the API.

Payments of a card are folded in the order given, which is the order of arrival. A feature says what was known with that
payment and before it, never after. The card's clock never runs backwards: a payment that comes late is taken as if it
happened with the newest one before it. Windows are whole slots (5 minutes of an hour, hours of a day), the current
one included.
Amounts enter the card's mean and deviation clipped at mean + 2.5 deviations, so that a fraud does not become the habit.
All the compiled code is in this file, because Numba's cache notices changes per file.
"""

import math

import numba
import numpy as np
import numpy.typing as npt

from pipelines.features.card_records import (
    DAY_SLOT_US,
    FEATURES,
    HALF_LIVES_S,
    HOUR_SLOT_US,
    PAYMENT,
    ROW,
    Records,
    blank,
)

SECOND_US, HOUR_US, DAY_US = 1_000_000, 3_600_000_000, 86_400_000_000
CLIP_DEVIATIONS, CLIP_AFTER = 2.5, 5
EARTH_KM = 6371.0

compiled = numba.njit(cache=True, nogil=True, error_model="numpy")


@compiled
def _seen_before(state, payment):  # type: ignore[no-untyped-def]
    if payment.event in state.events:
        return True
    state.events[1:] = state.events[:-1].copy()
    state.events[0] = payment.event
    return False


@compiled
def _deviation(state):  # type: ignore[no-untyped-def]
    return math.sqrt(state.amount_squares / state.payments) if state.payments > 0 else math.nan


@compiled
def _tell_payment(payment, row):  # type: ignore[no-untyped-def]
    row.amount = payment.amount
    row.installments = payment.installments
    row.attempt_number = payment.attempt_number
    row.hour = payment.at_us // HOUR_US % 24
    row.weekday = (payment.at_us // DAY_US + 3) % 7  # 1970 began on a Thursday
    row.credit_card = payment.credit_card
    row.debit_card = payment.debit_card
    row.app = payment.app
    row.three_d_secure = payment.three_d_secure


@compiled
def _tell_history(state, now, row):  # type: ignore[no-untyped-def]
    before = state.payments
    row.payments_before = before
    row.card_age_d = (now - state.first_us) / DAY_US if before > 0 else 0.0
    row.since_last_s = (now - state.last_us) / SECOND_US if before > 0 else math.nan
    row.night_share = state.nights / before if before > 0 else math.nan


@compiled
def _tell_amount(state, amount, row):  # type: ignore[no-untyped-def]
    known = state.payments > 0
    mean, deviation = state.amount_mean, _deviation(state)
    row.amount_mean = mean if known else math.nan
    row.amount_sd = deviation
    row.amount_over_mean = amount / mean if known and mean > 0 else math.nan
    row.amount_z = (amount - mean) / deviation if known and deviation > 0 else math.nan
    row.amount_over_max = amount / state.amount_max if known and state.amount_max > 0 else math.nan


@compiled
def _turn(counts, amounts, last_slot, slot):  # type: ignore[no-untyped-def]
    """Empty the slots of a ring that have come into use since `last_slot`."""
    size = len(counts)
    for passed in range(max(last_slot + 1, slot - size + 1), slot + 1):
        counts[passed % size] = 0
        amounts[passed % size] = 0.0


@compiled
def _count(counts, amounts, last_slot, slot, amount):  # type: ignore[no-untyped-def]
    """Add a payment to a ring of slots and return the ring's count and amount."""
    _turn(counts, amounts, last_slot, slot)
    counts[slot % len(counts)] += 1
    amounts[slot % len(counts)] += amount
    return counts.sum(), amounts.sum()


@compiled
def _windows(state, now, amount, row):  # type: ignore[no-untyped-def]
    last = state.last_us
    row.payments_1h, row.amount_1h = _count(
        state.hour_payments, state.hour_amount, last // HOUR_SLOT_US, now // HOUR_SLOT_US, amount
    )
    row.payments_24h, row.amount_24h = _count(
        state.day_payments, state.day_amount, last // DAY_SLOT_US, now // DAY_SLOT_US, amount
    )


@compiled
def _decay(state, now, amount, row):  # type: ignore[no-untyped-def]
    elapsed_s = (now - state.last_us) / SECOND_US
    for i, half_life_s in enumerate(HALF_LIVES_S):
        kept = 2.0 ** (-elapsed_s / half_life_s)
        state.decayed_payments[i] = state.decayed_payments[i] * kept + 1.0
        state.decayed_amount[i] = state.decayed_amount[i] * kept + amount
    row.payments_10m_decayed, row.payments_1d_decayed, row.payments_7d_decayed = state.decayed_payments
    row.amount_10m_decayed, row.amount_1d_decayed, row.amount_7d_decayed = state.decayed_amount


@compiled
def _visit(places, first_us, place, now):  # type: ignore[no-untyped-def]
    """Bring `place` to the front of the remembered ones, forget the last if it is new, and return when it came first."""
    found = len(places) - 1
    came_us = now
    for i in range(len(places)):
        if places[i] == place:
            found, came_us = i, first_us[i]
            break
    for i in range(found, 0, -1):
        places[i], first_us[i] = places[i - 1], first_us[i - 1]
    places[0], first_us[0] = place, came_us
    return came_us


@compiled
def _places(state, payment, now, row):  # type: ignore[no-untyped-def]
    row.new_device = 0.0 if payment.device in state.devices else 1.0
    row.new_country = 0.0 if payment.country in state.countries else 1.0
    row.new_seller = 0.0 if payment.seller in state.sellers else 1.0
    row.device_age_h = (now - _visit(state.devices, state.devices_us, payment.device, now)) / HOUR_US
    row.country_age_h = (now - _visit(state.countries, state.countries_us, payment.country, now)) / HOUR_US
    _visit(state.sellers, state.sellers_us, payment.seller, now)


@compiled
def _distance_km(latitude, longitude, other_latitude, other_longitude):  # type: ignore[no-untyped-def]
    """Great-circle distance by the haversine formula, https://en.wikipedia.org/wiki/Haversine_formula."""
    south, north = math.radians(latitude), math.radians(other_latitude)
    width = math.radians(other_longitude - longitude)
    h = math.sin((north - south) / 2) ** 2 + math.cos(south) * math.cos(north) * math.sin(width / 2) ** 2
    return 2 * EARTH_KM * math.asin(math.sqrt(min(1.0, h)))


@compiled
def _travel(state, payment, now, row):  # type: ignore[no-untyped-def]
    row.distance_km = row.speed_km_h = math.nan
    if math.isnan(payment.latitude) or math.isnan(payment.longitude):
        return
    if state.located > 0:
        row.distance_km = _distance_km(state.latitude, state.longitude, payment.latitude, payment.longitude)
        hours = max(now - state.located, 60 * SECOND_US) / HOUR_US  # a minute at least: two clicks are no journey
        row.speed_km_h = row.distance_km / hours
    state.located, state.latitude, state.longitude = now, payment.latitude, payment.longitude


@compiled
def _remember(state, payment, now):  # type: ignore[no-untyped-def]
    """Update count, clock, night count, largest amount, and mean and squares by Welford's method (Technometrics 4, 1962)."""
    amount = payment.amount
    if state.payments >= CLIP_AFTER:
        amount = min(amount, state.amount_mean + CLIP_DEVIATIONS * max(_deviation(state), state.amount_mean / 10))
    state.first_us = now if state.payments == 0 else state.first_us
    state.last_us = now
    state.payments += 1
    state.nights += 1 if (payment.at_us // HOUR_US + 2) % 24 < 8 else 0
    state.amount_max = max(state.amount_max, payment.amount)
    above = amount - state.amount_mean
    state.amount_mean += above / state.payments
    state.amount_squares += above * (amount - state.amount_mean)


@compiled
def _fold_one(state, payment, row):  # type: ignore[no-untyped-def]
    now = max(payment.at_us, state.last_us) if state.payments > 0 else payment.at_us
    if state.payments == 0:
        state.last_us = now
    _tell_payment(payment, row)
    _tell_history(state, now, row)
    _tell_amount(state, payment.amount, row)
    _windows(state, now, payment.amount, row)
    _decay(state, now, payment.amount, row)
    _places(state, payment, now, row)
    _travel(state, payment, now, row)
    _remember(state, payment, now)


@compiled
def _fold(states, cards, payments, rows, repeated):  # type: ignore[no-untyped-def]
    for i in range(len(cards)):
        if _seen_before(states[cards[i]], payments[i]):
            repeated[i] = True
        else:
            _fold_one(states[cards[i]], payments[i], rows[i])


def fold(
    states: Records, cards: npt.NDArray[np.int64], payments: Records
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """Fold `payments` (n, PAYMENT) over `states` (STATE, changed in place); payment i is of the card with state `cards[i]`.

    Returns features (n, len(FEATURES)) and a flag (n) that is true where the card had already folded the same event among its
    last EVENTS ones. Such a payment changes nothing and has no features (NaN): its first copy has been answered.
    """
    rows = np.full((len(payments), len(FEATURES)), np.nan, np.float32)
    repeated = np.zeros(len(payments), np.bool_)
    _fold(states, cards, payments, rows.view(ROW)[:, 0], repeated)
    return rows, repeated


def fold_nothing() -> None:
    """Have the fold compiled, or its compiled code loaded, before the first payment waits for it."""
    _fold(blank(1), np.zeros(0, np.int64), np.zeros(0, PAYMENT), np.zeros(0, ROW), np.zeros(0, np.bool_))
