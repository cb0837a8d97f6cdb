"""The one definition of the card features: payments folded over card states, for training, the
stream and the API.

Payments of a card are folded in the order given, which is the order of arrival. A feature says what
was known with that payment and before it, never after. The card's clock never runs backwards: a
payment that comes late is taken as if it happened with the newest one before it. Windows are whole
slots (5 minutes of an hour, hours of a day, days of a week and of a month), the current one
included. Amounts enter the card's mean and deviation clipped at mean + 2.5 deviations, so that a
fraud does not become the habit; an amount that is clipped is called high. Ages do not count a
silence of the card of more than LONGEST_SILENCE_US: one payment with a date of years ago would make
everything about the card years old. A payment without a card's id is the first one of a card that
nobody remembers, and a seller, device or customer without an id is no seller, device or customer.
All the compiled code is in this file, because Numba's cache notices changes per file.
"""

import math

import numba
import numpy as np
import numpy.typing as npt

from pipelines.base.arrays import DAY_US, HOUR_US, SECOND_US, Floats, Integers, Records
from pipelines.fraud.features.ages import LONGEST_SILENCE_US
from pipelines.fraud.features.card_state import (
    DAY_SLOT_US,
    HALF_LIVES_S,
    HIGH_STEPS,
    HIGHEST,
    HOUR_SLOT_US,
    MONTH_SLOT_US,
    MONTH_SLOTS,
    MOST,
    SKETCH_BITS,
    new_cards,
)
from pipelines.fraud.features.feature_set import FEATURES, ROW

CLIP_DEVIATIONS, CLIP_AFTER = 2.5, 5
LEAST_SPREAD = 0.1  # of the mean: equal amounts say little about the next one
EARTH_KM, AIRLINER_KM_H, AIRPORT_KM = 6371.0, 900.0, 100.0

compiled = numba.njit(cache=True, nogil=True, error_model="numpy")


@compiled
def _seen_before(state, payment):  # type: ignore[no-untyped-def]
    if payment.event in state.events:
        return True
    state.events[1:] = state.events[:-1].copy()
    state.events[0] = payment.event
    return False


@compiled
def _is_night(payment):  # type: ignore[no-untyped-def]
    return (payment.at_us // HOUR_US + 2) % 24 < 8


@compiled
def _weekday(payment):  # type: ignore[no-untyped-def]
    return (payment.at_us // DAY_US + 3) % 7  # 1970 began on a Thursday


@compiled
def _over(value, base):  # type: ignore[no-untyped-def]
    """Return value as a multiple of base, NaN where base is not positive or not known."""
    return value / base if base > 0 else math.nan


@compiled
def _deviation(squares, count):  # type: ignore[no-untyped-def]
    return math.sqrt(squares / count) if count > 0 else math.nan


@compiled
def _write_payment_features(payment, row):  # type: ignore[no-untyped-def]
    row.amount = payment.amount
    row.amount_per_installment = payment.amount / max(payment.installments, 1.0)
    row.whole_amount = 1.0 if abs(payment.amount - round(payment.amount)) < 0.005 else 0.0
    row.installments = payment.installments
    row.attempt_number = payment.attempt_number
    row.hour = payment.at_us // HOUR_US % 24
    row.weekday = _weekday(payment)
    row.night = 1.0 if _is_night(payment) else 0.0
    row.weekend = 1.0 if _weekday(payment) >= 5 else 0.0
    row.credit_card = payment.credit_card
    row.debit_card = payment.debit_card
    row.app = payment.app
    row.three_d_secure = payment.three_d_secure


@compiled
def _uncounted(state, now):  # type: ignore[no-untyped-def]
    """Return how much of the time since the card's last payment counts in no age: none, or all of a
    long silence.
    """
    silence = now - state.last_us
    return silence if silence > LONGEST_SILENCE_US else 0


@compiled
def _write_past_features(state, now, row):  # type: ignore[no-untyped-def]
    before = int(state.payments)
    row.payments_before = before
    row.card_age_d = (now - _uncounted(state, now) - state.first_us) / DAY_US if before > 0 else 0.0
    row.since_last_s = (now - state.last_us) / SECOND_US if before > 0 else math.nan
    row.gap_mean_h = (state.last_us - state.first_us) / (before - 1) / HOUR_US if before > 1 else math.nan
    row.gap_over_mean = _over((now - state.last_us) / HOUR_US, row.gap_mean_h)
    row.night_share = state.nights / before if before > 0 else math.nan
    row.weekend_share = state.weekends / before if before > 0 else math.nan
    row.installments_mean = state.installments / before if before > 0 else math.nan


@compiled
def _spread(state):  # type: ignore[no-untyped-def]
    """Return what counts as a deviation of the card's amounts: their standard deviation, a tenth of
    their mean at least.
    """
    return max(_deviation(state.amount_squares, state.payments), state.amount_mean * LEAST_SPREAD)


@compiled
def _write_amount_features(state, amount, row):  # type: ignore[no-untyped-def]
    known = state.payments > 0
    mean, logarithm = state.amount_mean, math.log1p(amount)
    log_spread = max(_deviation(state.log_squares, state.payments), LEAST_SPREAD)
    row.amount_mean = mean if known else math.nan
    row.amount_sd = _deviation(state.amount_squares, state.payments)
    row.amount_above_mean = amount - mean if known else math.nan
    row.amount_over_mean = _over(amount, mean)
    row.amount_z = (amount - mean) / _spread(state) if known and mean > 0 else math.nan
    row.amount_log_z = (logarithm - state.log_mean) / log_spread if known else math.nan
    row.amount_over_max = _over(amount, state.amount_max)
    row.amount_over_last = _over(amount, state.amount_last)


@compiled
def _add(counts, sums, squares, last_slot, slot, amount):  # type: ignore[no-untyped-def]
    """Add a payment to a ring of slots, after emptying those that have come into use since
    `last_slot`.
    """
    size = len(counts)
    for passed in range(max(last_slot + 1, slot - size + 1), slot + 1):
        counts[passed % size] = 0
        sums[passed % size] = squares[passed % size] = 0.0
    here = slot % size
    counts[here] = min(counts[here] + 1, MOST)
    sums[here] += amount
    squares[here] += amount * amount


@compiled
def _window(counts, sums, squares, slot, slots):  # type: ignore[no-untyped-def]
    """Return count, sum, mean and standard deviation of the ring's last `slots` slots up to
    `slot`.
    """
    count, total, square = 0, 0.0, 0.0
    for i in range(slots):
        place = (slot - i) % len(counts)
        count += counts[place]
        total += sums[place]
        square += squares[place]
    mean = total / count
    return count, total, mean, math.sqrt(max(square / count - mean * mean, 0.0))


@compiled
def _short_windows(state, now, amount, row):  # type: ignore[no-untyped-def]
    slot = now // HOUR_SLOT_US
    counts, sums, squares = state.hour_payments, state.hour_amount, state.hour_squares
    _add(counts, sums, squares, state.last_us // HOUR_SLOT_US, slot, amount)
    row.payments_1h, row.amount_1h, row.amount_mean_1h, row.amount_sd_1h = _window(counts, sums, squares, slot, len(counts))
    slot = now // DAY_SLOT_US
    counts, sums, squares = state.day_payments, state.day_amount, state.day_squares
    _add(counts, sums, squares, state.last_us // DAY_SLOT_US, slot, amount)
    row.payments_24h, row.amount_24h, row.amount_mean_24h, row.amount_sd_24h = _window(counts, sums, squares, slot, len(counts))


@compiled
def _long_windows(state, now, amount, row):  # type: ignore[no-untyped-def]
    slot = now // MONTH_SLOT_US
    counts, sums, squares = state.month_payments, state.month_amount, state.month_squares
    _add(counts, sums, squares, state.last_us // MONTH_SLOT_US, slot, amount)
    row.payments_7d, row.amount_7d, row.amount_mean_7d, row.amount_sd_7d = _window(counts, sums, squares, slot, 7)
    row.payments_30d, row.amount_30d, row.amount_mean_30d, row.amount_sd_30d = _window(counts, sums, squares, slot, MONTH_SLOTS)
    row.active_days_30d = np.count_nonzero(counts)
    row.payments_24h_over_30d = row.payments_24h * MONTH_SLOTS / row.payments_30d
    row.amount_24h_over_30d = _over(row.amount_24h * MONTH_SLOTS, row.amount_30d)
    row.amount_over_mean_7d = _over(amount, row.amount_mean_7d)
    row.amount_over_mean_30d = _over(amount, row.amount_mean_30d)


@compiled
def _decay(state, now, amount, row):  # type: ignore[no-untyped-def]
    elapsed_s = (now - state.last_us) / SECOND_US
    counts, amounts = state.decayed_payments, state.decayed_amount
    for i, half_life_s in enumerate(HALF_LIVES_S):
        remaining = 2.0 ** (-elapsed_s / half_life_s)
        counts[i] = counts[i] * remaining + 1.0
        amounts[i] = amounts[i] * remaining + amount
    row.payments_10m_decayed, row.payments_6h_decayed, row.payments_1d_decayed, row.payments_7d_decayed = counts
    row.amount_10m_decayed, row.amount_6h_decayed, row.amount_1d_decayed, row.amount_7d_decayed = amounts


@compiled
def _short(hashed):  # type: ignore[no-untyped-def]
    """Return 32 bits of a hash, never 0, which means nothing remembered."""
    return max(np.uint32(hashed & np.uint64(0xFFFFFFFF)), np.uint32(1))


@compiled
def _visit(places, first_s, place, now_s):  # type: ignore[no-untyped-def]
    """Bring `place` to the front of the remembered ones, forget the last if it is new, and return
    hours since it first came.
    """
    found = len(places) - 1
    came_s = np.uint32(now_s)
    for i in range(len(places)):
        if places[i] == place:
            found, came_s = i, first_s[i]
            break
    for i in range(found, 0, -1):
        places[i], first_s[i] = places[i - 1], first_s[i - 1]
    places[0], first_s[0] = place, came_s
    return (now_s - np.int64(came_s)) / 3600.0


@compiled
def _later(first_s, seconds):  # type: ignore[no-untyped-def]
    """Let what is remembered have come first so many seconds later."""
    for i in range(len(first_s)):
        if first_s[i] > 0:
            first_s[i] += np.uint32(seconds)


@compiled
def _bit(hashed):  # type: ignore[no-untyped-def]
    """Return the bit of a hash in a sketch, none for no id."""
    return np.uint64(1) << (hashed % np.uint64(SKETCH_BITS)) if hashed != 0 else np.uint64(0)


@compiled
def _distinct(sketch):  # type: ignore[no-untyped-def]
    """Estimate how many different hashes set the bits of a sketch: linear counting (Whang et al.,
    TODS 15, 1990).
    """
    free = SKETCH_BITS
    while sketch:
        sketch &= sketch - np.uint64(1)
        free -= 1
    return SKETCH_BITS * math.log(SKETCH_BITS / max(free, 0.5))


@compiled
def _by_day(sketches, days_passed, bit):  # type: ignore[no-untyped-def]
    """Add to the sketch of today, beside the one of yesterday, and return what both have."""
    if days_passed > 0:
        sketches[1] = sketches[0] if days_passed == 1 else np.uint64(0)
        sketches[0] = np.uint64(0)
    sketches[0] |= bit
    return _distinct(sketches[0] | sketches[1])


@compiled
def _shorter(hashed):  # type: ignore[no-untyped-def]
    """Return 16 bits of a hash, never 0, which means nothing remembered."""
    return max(np.uint16(hashed & np.uint64(0xFFFF)), np.uint16(1))


@compiled
def _customer(state, payment, row):  # type: ignore[no-untyped-def]
    row.customer_changed = row.customer_not_first = math.nan
    if payment.customer == 0:
        return
    customer = _shorter(payment.customer)
    if state.first_customer == 0:
        state.first_customer = customer
    else:
        row.customer_changed = 1.0 if customer != state.customer else 0.0
        row.customer_not_first = 1.0 if customer != state.first_customer else 0.0
    state.customer = customer


@compiled
def _device(state, payment, now_s, row):  # type: ignore[no-untyped-def]
    if payment.device == 0:
        row.new_device = row.device_changed = row.device_age_h = math.nan
        return
    device = _short(payment.device)
    row.new_device = 0.0 if device in state.devices else 1.0
    row.device_changed = 1.0 if state.devices[0] != 0 and device != state.devices[0] else 0.0
    row.device_age_h = _visit(state.devices, state.devices_s, device, now_s)


@compiled
def _seller(state, payment, now_s, row):  # type: ignore[no-untyped-def]
    if payment.seller == 0:
        row.new_seller = row.seller_known_h = math.nan
        return
    seller = _short(payment.seller)
    row.new_seller = 0.0 if seller in state.sellers else 1.0
    row.seller_known_h = _visit(state.sellers, state.sellers_s, seller, now_s)


@compiled
def _places(state, payment, now, row):  # type: ignore[no-untyped-def]
    known, now_s, uncounted_s = state.payments > 0, now // SECOND_US, _uncounted(state, now) // SECOND_US
    if uncounted_s > 0:
        _later(state.devices_s, uncounted_s)
        _later(state.countries_s, uncounted_s)
        _later(state.sellers_s, uncounted_s)
    _device(state, payment, now_s, row)
    _seller(state, payment, now_s, row)
    country, currency = _short(payment.country), _shorter(payment.currency)
    row.new_country = 0.0 if country in state.countries else 1.0
    row.country_changed = 1.0 if known and country != state.countries[0] else 0.0
    row.country_age_h = _visit(state.countries, state.countries_s, country, now_s)
    row.currency_changed = 1.0 if known and currency != state.currency else 0.0
    state.currency = currency


@compiled
def _sketches(state, payment, now, row):  # type: ignore[no-untyped-def]
    days_passed = now // DAY_US - state.last_us // DAY_US
    state.sellers_sketch |= _bit(payment.seller)
    state.devices_sketch |= _bit(payment.device)
    state.countries_sketch |= _bit(payment.country)
    row.sellers_distinct = _distinct(state.sellers_sketch)
    row.devices_distinct = _distinct(state.devices_sketch)
    row.countries_distinct = _distinct(state.countries_sketch)
    row.sellers_2d = _by_day(state.sellers_by_day, days_passed, _bit(payment.seller))
    row.devices_2d = _by_day(state.devices_by_day, days_passed, _bit(payment.device))


@compiled
def _distance_km(latitude, longitude, other_latitude, other_longitude):  # type: ignore[no-untyped-def]
    """Great-circle distance by the haversine formula,
    https://en.wikipedia.org/wiki/Haversine_formula.
    """
    south, north = math.radians(latitude), math.radians(other_latitude)
    width = math.radians(other_longitude - longitude)
    h = math.sin((north - south) / 2) ** 2 + math.cos(south) * math.cos(north) * math.sin(width / 2) ** 2
    return 2 * EARTH_KM * math.asin(math.sqrt(min(1.0, h)))


@compiled
def _travel(state, payment, now, row):  # type: ignore[no-untyped-def]
    row.distance_km = row.speed_km_h = row.impossible_travel = math.nan
    if math.isnan(payment.latitude) or math.isnan(payment.longitude):
        return
    if state.located_us > 0:
        # Or the sines would be 32-bit ones.
        before = np.float64(state.latitude), np.float64(state.longitude)
        km = _distance_km(before[0], before[1], payment.latitude, payment.longitude)
        # A minute at least: two clicks are no journey.
        hours = max(now - state.located_us, 60 * SECOND_US) / HOUR_US
        row.distance_km, row.speed_km_h = km, km / hours
        row.impossible_travel = 1.0 if km > AIRPORT_KM and km / hours > AIRLINER_KM_H else 0.0
    state.located_us, state.latitude, state.longitude = now, payment.latitude, payment.longitude


@compiled
def _highs(state, now, row):  # type: ignore[no-untyped-def]
    row.high_1d = row.high_3d = row.high_7d = row.high_14d = row.high_z_3d = row.high_z_14d = 0.0
    row.since_high_h = math.nan
    for i in range(len(state.high_s) - 1, -1, -1):
        if state.high_s[i] > 0:
            hours, deviations = (now // SECOND_US - np.int64(state.high_s[i])) / 3600.0, state.high_z[i] / HIGH_STEPS
            row.high_1d += 1.0 if hours < 24 else 0.0
            row.high_3d += 1.0 if hours < 72 else 0.0
            row.high_7d += 1.0 if hours < 168 else 0.0
            row.high_14d += 1.0 if hours < 336 else 0.0
            row.high_z_3d = max(row.high_z_3d, deviations if hours < 72 else 0.0)
            row.high_z_14d = max(row.high_z_14d, deviations if hours < 336 else 0.0)
            row.since_high_h = hours


@compiled
def _ceiling(state):  # type: ignore[no-untyped-def]
    """Return above which amount a payment of this card is high: nothing is, until a few payments
    are known.
    """
    if state.payments < CLIP_AFTER:
        return math.inf
    return state.amount_mean + CLIP_DEVIATIONS * _spread(state)


@compiled
def _remember_amount(state, amount, now):  # type: ignore[no-untyped-def]
    """Update mean and squares by Welford's method (Technometrics 4, 1962), of the clipped amount
    and of the logarithm.
    """
    ceiling = _ceiling(state)
    if amount > ceiling:
        state.high_s[1:], state.high_z[1:] = state.high_s[:-1].copy(), state.high_z[:-1].copy()
        state.high_s[0] = now // SECOND_US
        state.high_z[0] = min((amount - state.amount_mean) / _spread(state) * HIGH_STEPS, HIGHEST)
    above, log_above = min(amount, ceiling) - state.amount_mean, math.log1p(amount) - state.log_mean
    count = state.payments + 1
    state.amount_mean += above / count
    state.amount_squares += above * (min(amount, ceiling) - state.amount_mean)
    state.log_mean += log_above / count
    # Its mean is rounded to 32 bits.
    state.log_squares += max(log_above * (math.log1p(amount) - state.log_mean), 0.0)
    state.amount_max, state.amount_last = max(state.amount_max, amount), amount


@compiled
def _remember(state, payment, now):  # type: ignore[no-untyped-def]
    _remember_amount(state, payment.amount, now)
    state.first_us = now if state.payments == 0 else state.first_us + _uncounted(state, now)
    state.last_us = now
    state.payments += 1
    state.nights += 1 if _is_night(payment) else 0
    state.weekends += 1 if _weekday(payment) >= 5 else 0
    state.installments += payment.installments


@compiled
def _fold_one(state, payment, row):  # type: ignore[no-untyped-def]
    now = max(payment.at_us, state.last_us) if state.payments > 0 else payment.at_us
    if state.payments == 0:
        state.last_us = now
    _write_payment_features(payment, row)
    _write_past_features(state, now, row)
    _write_amount_features(state, payment.amount, row)
    _short_windows(state, now, payment.amount, row)
    _long_windows(state, now, payment.amount, row)
    _decay(state, now, payment.amount, row)
    _customer(state, payment, row)
    _places(state, payment, now, row)
    _sketches(state, payment, now, row)
    _travel(state, payment, now, row)
    _highs(state, now, row)
    _remember(state, payment, now)


@compiled
def _fold(states, cards, nobodys, payments, rows, repeated):  # type: ignore[no-untyped-def]
    for i in range(len(cards)):
        if cards[i] < 0:
            nobodys[1] = nobodys[0]  # each time a new one
        state = nobodys[1] if cards[i] < 0 else states[cards[i]]
        if _seen_before(state, payments[i]):
            repeated[i] = True
        else:
            _fold_one(state, payments[i], rows[i])


@compiled
def _late(last_us, cards, payments, late):  # type: ignore[no-untyped-def]
    for i in range(len(cards)):
        if cards[i] >= 0:
            late[i] = payments[i].at_us < last_us[cards[i]]
            last_us[cards[i]] = max(last_us[cards[i]], payments[i].at_us)


def late(states: Records, cards: Integers, payments: Records) -> npt.NDArray[np.bool_]:
    """Return for each of `payments` (n, PAYMENT) whether a later one of its card came before it.

    `states` (CARD_STATE) are those before the first payment and are left as they are; payment i is
    of the card with state `cards[i]`, or of none where that is below 0.
    """
    came_late = np.zeros(len(payments), np.bool_)
    _late(states["last_us"].copy(), cards, payments, came_late)
    return came_late


def fold(states: Records, cards: Integers, payments: Records) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Fold `payments` (n, PAYMENT) over `states` (CARD_STATE, changed in place); payment i is of
    the card with state `cards[i]`, or of none where that is below 0.

    Returns features (n, len(FEATURES)) and a flag (n) that is true where the card had already
    folded the same event among its last EVENTS ones. Such a payment changes nothing and has no
    features (NaN): its first copy has been answered. Features of sellers and devices are NaN too,
    for their folds to write.
    """
    rows = np.full((len(payments), len(FEATURES)), np.nan, np.float32)
    repeated = np.zeros(len(payments), np.bool_)
    _fold(states, cards, new_cards(2), payments, rows.view(ROW)[:, 0], repeated)
    return rows, repeated
