"""The one definition of the device features: what the shop has seen of the paying device, for
training, stream and API.

A payment's features count what was seen up to its own time, of what arrived before it; then it is
added. Two cards are the same where 32 bits of their hashes are, and payments of one card in one
second count as one. A device without an id has no features and is not remembered: it would be one
device that all pay from; a card without an id is no other card. What two tasks have seen of a
device can be joined, in any order and as often as one likes: a state is the newest sightings of a
set, and when the device was first seen in the newest year and in the year before. So a date of
years ago is forgotten as soon as a right one comes. All the compiled code is in this file, because
Numba's cache notices changes per file.
"""

import math

import numba
import numpy as np

from pipelines.base.arrays import SECOND_US, Floats, Integers, Records
from pipelines.fraud.features.ages import YEAR_S
from pipelines.fraud.features.feature_set import ROW

HOUR_S, DAYS_S = 3600, 172_800
SECONDS_BIT = np.uint64(32)
CARD_BITS = np.uint64(0xFFFFFFFF)

compiled = numba.njit(cache=True, nogil=True, error_model="numpy")


@compiled
def _is_another(sightings, newest, i, card):  # type: ignore[no-untyped-def]
    """Return whether sighting i is of a card, of another than `card`, and of none that was seen
    between it and sighting `newest`.
    """
    seen = sightings[i] & CARD_BITS
    another = seen != 0 and seen != card
    for j in range(newest, i):
        another = another and sightings[j] & CARD_BITS != seen
    return another


@compiled
def _count_sighting(sightings, newest, i, card, age_s, row):  # type: ignore[no-untyped-def]
    other = 1.0 if _is_another(sightings, newest, i, card) else 0.0
    if age_s < DAYS_S:
        row.device_cards_2d += other
        row.device_payments_2d += 1.0
    if age_s < HOUR_S:
        row.device_cards_1h += other


@compiled
def _seen_h(first_s, now_s):  # type: ignore[no-untyped-def]
    """Return the hours since the device came first in the year of `now_s` or the one before."""
    since = now_s + 1
    for i in range(len(first_s)):
        first = np.int64(first_s[i])
        if first > 0 and first // YEAR_S >= now_s // YEAR_S - 1:
            since = min(since, first)
    return (now_s - since) / HOUR_S if since <= now_s else math.nan


@compiled
def _write_features(state, now_s, card, row):  # type: ignore[no-untyped-def]
    row.device_cards_1h = row.device_cards_2d = row.device_payments_2d = 0.0
    row.device_seen_h, newest = _seen_h(state.first_s, now_s), -1
    for i in range(len(state.sightings)):
        age_s = now_s - np.int64(state.sightings[i] >> SECONDS_BIT)
        if state.sightings[i] == 0 or age_s < 0:
            continue
        newest = i if newest < 0 else newest
        _count_sighting(state.sightings, newest, i, card, age_s, row)


@compiled
def _add(sightings, sighting):  # type: ignore[no-untyped-def]
    """Add to the newest sightings, in order; what is there already, or older than all that fit,
    changes nothing.
    """
    for i in range(len(sightings)):
        if sightings[i] == sighting:
            return
        if sightings[i] < sighting:
            for j in range(len(sightings) - 1, i, -1):
                sightings[j] = sightings[j - 1]
            sightings[i] = sighting
            return


@compiled
def _note_first(first_s, at_s):  # type: ignore[no-untyped-def]
    """Note that the device came at `at_s`, for the newest year it came in and the one before."""
    newest, second = np.int64(first_s[0]) // YEAR_S, np.uint32(at_s)
    years = at_s // YEAR_S - newest
    if years > 0:
        first_s[1] = first_s[0] if years == 1 else np.uint32(0)
        first_s[0] = second
    elif years == 0:
        first_s[0] = min(first_s[0], second)
    elif years == -1:
        first_s[1] = min(first_s[1], second) if first_s[1] > 0 else second


@compiled
def _remember(state, at_s, card):  # type: ignore[no-untyped-def]
    _note_first(state.first_s, at_s)
    _add(state.sightings, np.uint64(at_s) << SECONDS_BIT | card)


@compiled
def _fold(states, devices, payments, order, row_of, rows):  # type: ignore[no-untyped-def]
    for i in order:
        if devices[i] >= 0:
            at_s, card = payments[i].at_us // SECOND_US, payments[i].card & CARD_BITS
            if row_of[i] >= 0:
                _write_features(states[devices[i]], at_s, card, rows[row_of[i]])
            _remember(states[devices[i]], at_s, card)


@compiled
def _join(states, others):  # type: ignore[no-untyped-def]
    for i in range(len(others)):
        for first_s in others[i].first_s:
            if first_s > 0:
                _note_first(states[i].first_s, np.int64(first_s))
        for sighting in others[i].sightings:
            if sighting > 0:
                _add(states[i].sightings, sighting)


def fold(
    states: Records,
    devices: Integers,
    payments: Records,
    order: Integers,
    features: Floats,
    row_of: Integers | None = None,
) -> None:
    """Fold `payments` (n, PAYMENT) over `states` (DEVICE_STATE, changed in place), and write the
    device features into `features` (m, len(FEATURES)).

    Payment i is from the device with state `devices[i]`, or from none where that is below 0.
    `order` holds the numbers of the payments that are folded, one after the other: in order of
    arrival, without those that the card fold calls repeated. Row `row_of[i]` of the features is
    that of payment i, where that is not below 0: without `row_of` they have one row per payment.
    """
    _fold(states, devices, payments, order, np.arange(len(payments)) if row_of is None else row_of, features.view(ROW)[:, 0])


def join(states: Records, others: Records) -> None:
    """Add to `states` (DEVICE_STATE, changed in place) what `others` have seen: others[i] is of the
    same device as states[i], and there may be fewer of them.
    """
    _join(states, others)
