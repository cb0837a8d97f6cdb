"""The one definition of the seller features: payments and matured labels folded over seller states,
and written to payments at scoring time.

A payment's features of its seller are what was known at the last full hour that is SETTLING_US
past: payments made before it, and labels known before it (pipelines/fraud/features/labels.py). So a
state may be folded by a job and published some minutes later, and training, the stream and the API
still see the same. Windows are whole slots: hours of a day that have ended, days of a week and of a
month with the current one included. A run is what a compromised seller looks like: frauds whose
amounts were ordinary for their cards, so that nothing else explains them. The first one after a
legitimate label begins a run; legitimate labels after it are counted, for they speak against it.
Ages and runs do not reach over a silence of more than LONGEST_SILENCE_US, so that one payment with
a date of years ago does not make a seller years old. Without a seller's id nothing is known of the
seller, as of a new one. All the compiled code is in this file, because Numba's cache notices
changes per file.
"""

import math

import numba
import numpy as np

from pipelines.base.arrays import DAY_US, HOUR_US, Floats, Integers, Records
from pipelines.fraud.features.ages import LONGEST_SILENCE_US
from pipelines.fraud.features.feature_set import ROW
from pipelines.fraud.features.seller_state import HOURS, SETTLING_US, new_sellers

ORDINARY_DEVIATIONS = 2.5  # an amount further above the card's mean explains a fraud by itself
# By so much a state may be later than what it is asked for, its ring still has the day.
AHEAD_US = (HOURS - 24) * HOUR_US
LEGITIMATE, FRAUD = 1, 2  # as last labels; 0 is none yet

NOTHING = new_sellers(1)

compiled = numba.njit(cache=True, nogil=True, error_model="numpy")


def as_of(at_us: Integers) -> Integers:
    """Return the moments (us since 1970) up to which payments made at `at_us` know of sellers."""
    moments: Integers = (at_us - SETTLING_US) // HOUR_US * HOUR_US
    return moments


_as_of = compiled(as_of)  # of one moment


@compiled
def _over(value, base):  # type: ignore[no-untyped-def]
    return value / base if base > 0 else math.nan


@compiled
def _add(counts, sums, newest, slot, count, amount):  # type: ignore[no-untyped-def]
    """Add to a ring whose newest slot so far is `newest`; what is older than the ring is past
    mattering.
    """
    size = len(counts)
    if slot <= newest - size:
        return
    for passed in range(max(newest + 1, slot - size + 1), slot + 1):
        counts[passed % size] = sums[passed % size] = 0
    counts[slot % size] += count
    sums[slot % size] += amount


@compiled
def _window(counts, sums, newest, last, slots):  # type: ignore[no-untyped-def]
    """Return count and sum of the `slots` slots up to `last` of a ring whose newest slot is
    `newest`.
    """
    size, count, total = len(counts), 0, 0.0
    for slot in range(max(last - slots + 1, newest - size + 1), min(last, newest) + 1):
        count += counts[slot % size]
        total += sums[slot % size]
    return count, total


@compiled
def _uncounted(silence):  # type: ignore[no-untyped-def]
    """Return how much of a time without payments counts in no age: none, or all of a long one."""
    return silence if silence > LONGEST_SILENCE_US else 0


@compiled
def _fold_payment(state, payment):  # type: ignore[no-untyped-def]
    at, newest = payment.at_us, state.paid_us
    _add(state.hour_payments, state.hour_amount, newest // HOUR_US, at // HOUR_US, 1, payment.amount)
    _add(state.day_payments, state.day_amount, newest // DAY_US, at // DAY_US, 1, payment.amount)
    state.first_us = at if state.payments == 0 else min(state.first_us + _uncounted(at - newest), at)
    state.paid_us = max(newest, at)
    state.payments += 1


@compiled
def _fold_label(state, label):  # type: ignore[no-untyped-def]
    at, newest = label.at_us, state.labelled_us
    _add(state.hour_labels, state.hour_frauds, newest // HOUR_US, at // HOUR_US, label.labelled, label.fraud)
    _add(state.day_labels, state.day_frauds, newest // DAY_US, at // DAY_US, label.labelled, label.fraud)
    state.labelled_us = max(newest, at)
    state.labels += label.labelled
    state.frauds += label.fraud
    if label.fraud > 0:
        _fold_fraud(state, label)
    elif label.labelled > 0:
        state.legitimate_us = max(state.legitimate_us, at)
        state.run_legitimate += 1 if state.run_frauds > 0 else 0
        state.legitimate_in_a_row += 1
        state.frauds_in_a_row = 0
        _note(state, LEGITIMATE)


@compiled
def _fold_fraud(state, label):  # type: ignore[no-untyped-def]
    state.fraud_us = max(state.fraud_us, label.at_us)
    state.frauds_in_a_row += 1
    state.legitimate_in_a_row = 0
    _note(state, FRAUD)
    since_last = label.at_us - state.run_last_us if state.run_frauds > 0 else 0
    # Not so where the card was new: then nothing is known of its amounts.
    if label.amount_z < ORDINARY_DEVIATIONS and since_last >= -LONGEST_SILENCE_US:
        if state.run_frauds == 0 or state.run_legitimate > 0 or since_last > LONGEST_SILENCE_US:
            state.run_frauds = state.run_legitimate = 0
            state.run_first_us = state.run_last_us = label.at_us
        state.run_frauds += 1
        state.run_first_us = min(state.run_first_us, label.at_us)
        state.run_last_us = max(state.run_last_us, label.at_us)


@compiled
def _note(state, label):  # type: ignore[no-untyped-def]
    """Remember the last labels."""
    state.last_labels[1:] = state.last_labels[:-1].copy()
    state.last_labels[0] = label


@compiled
def _days_since(known, now, moment):  # type: ignore[no-untyped-def]
    return (now - moment) / DAY_US if known else math.nan


@compiled
def _write_payment_features(state, payment, as_of, row):  # type: ignore[no-untyped-def]
    hour, day, newest = as_of // HOUR_US - 1, (as_of - 1) // DAY_US, state.paid_us
    row.seller_payments_1h, _ = _window(state.hour_payments, state.hour_amount, newest // HOUR_US, hour, 1)
    in_24h, row.seller_amount_24h = _window(state.hour_payments, state.hour_amount, newest // HOUR_US, hour, 24)
    row.seller_payments_24h = in_24h
    row.seller_payments_7d, _ = _window(state.day_payments, state.day_amount, newest // DAY_US, day, 7)
    in_30d, amount_30d = _window(state.day_payments, state.day_amount, newest // DAY_US, day, 30)
    mean = _over(amount_30d, in_30d)
    row.seller_payments_30d, row.seller_amount_mean_30d = in_30d, mean
    row.seller_payments_24h_over_30d = _over(in_24h * 30.0, in_30d)
    row.amount_over_seller_mean = _over(payment.amount, mean)
    counted_until = payment.at_us - _uncounted(payment.at_us - newest)
    row.seller_age_d = _days_since(state.payments > 0, counted_until, state.first_us)


@compiled
def _write_risk_features(state, as_of, row):  # type: ignore[no-untyped-def]
    """Write counts, frauds and rates of labels; the windows end where payments have labels: the
    label delay before `as_of`.
    """
    end, newest = as_of - state.delay_us - 1, state.labelled_us
    hour, day = end // HOUR_US, end // DAY_US
    count, frauds = _window(state.hour_labels, state.hour_frauds, newest // HOUR_US, hour, 24)
    row.seller_labels_1d, row.seller_frauds_1d, row.seller_fraud_rate_1d = count, frauds, _over(frauds, count)
    count, frauds = _window(state.day_labels, state.day_frauds, newest // DAY_US, day, 7)
    row.seller_labels_7d, row.seller_frauds_7d, row.seller_fraud_rate_7d = count, frauds, _over(frauds, count)
    count, frauds = _window(state.day_labels, state.day_frauds, newest // DAY_US, day, 30)
    row.seller_labels_30d, row.seller_frauds_30d, row.seller_fraud_rate_30d = count, frauds, _over(frauds, count)
    row.seller_fraud_rate = _over(state.frauds, state.labels)


@compiled
def _write_episode_features(state, now, row):  # type: ignore[no-untyped-def]
    last, running = state.last_labels, state.run_frauds > 0
    row.seller_last_fraud = (1.0 if last[0] == FRAUD else 0.0) if last[0] > 0 else math.nan
    row.seller_frauds_of_3 = np.count_nonzero(last[:3] == FRAUD)
    row.seller_frauds_of_8 = np.count_nonzero(last == FRAUD)
    row.seller_frauds_in_a_row = state.frauds_in_a_row
    row.seller_legitimate_in_a_row = state.legitimate_in_a_row
    row.seller_since_label_d = _days_since(state.labels > 0, now, state.labelled_us)
    row.seller_since_fraud_d = _days_since(state.fraud_us > 0, now, state.fraud_us)
    row.seller_since_legitimate_d = _days_since(state.legitimate_us > 0, now, state.legitimate_us)
    row.seller_run_frauds = state.run_frauds
    row.seller_run_age_d = _days_since(running, now, state.run_first_us)
    row.seller_run_length_d = _days_since(running, state.run_last_us, state.run_first_us)
    row.seller_run_legitimate = state.run_legitimate if running else math.nan


@compiled
def _write_features(state, payment, row):  # type: ignore[no-untyped-def]
    as_of = _as_of(payment.at_us)
    _write_payment_features(state, payment, as_of, row)
    _write_risk_features(state, as_of, row)
    _write_episode_features(state, payment.at_us, row)


@compiled
def _write_known_features(known, sellers, payments, nothing, rows):  # type: ignore[no-untyped-def]
    for i in range(len(payments)):
        if sellers[i] < 0:
            _write_features(nothing[0], payments[i], rows[i])
            continue
        record, as_of = known[sellers[i]], _as_of(payments[i].at_us)
        if as_of >= record.after_us:
            _write_features(record.after, payments[i], rows[i])
        elif as_of >= record.before_us - AHEAD_US:
            _write_features(record.before, payments[i], rows[i])
        else:
            _write_features(nothing[0], payments[i], rows[i])


@compiled
def _learn(states, sellers, payments, label_sellers, labels):  # type: ignore[no-untyped-def]
    for i in range(len(payments)):
        _fold_payment(states[sellers[i]], payments[i])
    for i in range(len(labels)):
        _fold_label(states[label_sellers[i]], labels[i])


@compiled
def _learn_and_write_features(states, sellers, payments, in_order, label_sellers, labels, nothing, row_of, rows):  # type: ignore[no-untyped-def]
    paid = known = 0
    for i in in_order:
        as_of = _as_of(payments[i].at_us)
        while paid < len(in_order) and payments[in_order[paid]].at_us < as_of:
            if sellers[in_order[paid]] >= 0:
                _fold_payment(states[sellers[in_order[paid]]], payments[in_order[paid]])
            paid += 1
        while known < len(labels) and labels[known].known_us < as_of:
            if label_sellers[known] >= 0:
                _fold_label(states[label_sellers[known]], labels[known])
            known += 1
        if row_of[i] >= 0:
            state = states[sellers[i]] if sellers[i] >= 0 else nothing[0]
            _write_features(state, payments[i], rows[row_of[i]])


def learn(
    states: Records,
    sellers: Integers,
    payments: Records,
    label_sellers: Integers,
    labels: Records,
    delay_us: int,
) -> None:
    """Fold payments (PAYMENT) and labels (LABEL, in the order they become known) over `states`
    (SELLER_STATE, changed in place).

    Payment i is of the seller with state `sellers[i]`, label i of the one with state
    `label_sellers[i]`, of none where that is below 0; the labels were made with the label delay
    `delay_us`. Payments may be in any order, but none before one that was folded earlier.
    """
    states["delay_us"] = delay_us
    in_order = np.argsort(payments["at_us"], kind="stable")
    in_order = in_order[sellers[in_order] >= 0]
    of_a_seller = label_sellers >= 0
    _learn(states, sellers[in_order], payments[in_order], label_sellers[of_a_seller], labels[of_a_seller])


def write_known_features(known: Records, sellers: Integers, payments: Records, features: Floats) -> None:
    """Write into `features` (n, len(FEATURES)) what was known of the sellers when the payments (n,
    PAYMENT) were made; payment i is of the seller with record `known[sellers[i]]` (SELLER_RECORD),
    or of none where that is below 0.

    Of a record's two states the later one counts that holds nothing from after `as_of` of the
    payment. A payment so old that both are from its future gets what a seller without a record has:
    that nothing is known.
    """
    _write_known_features(known, sellers, payments, NOTHING, features.view(ROW)[:, 0])


def learn_and_write_features(
    states: Records,
    sellers: Integers,
    payments: Records,
    label_sellers: Integers,
    labels: Records,
    delay_us: int,
    features: Floats,
    row_of: Integers | None = None,
) -> None:
    """Write into `features` what `learn` hour by hour and `write_known_features` in between would
    write, for all payments at once and in whatever order they are given.

    Arguments are those of `learn`; `features` is (m, len(FEATURES)), and row `row_of[i]` of it is
    that of payment i, where that is not below 0: without `row_of` it has one row per payment.
    """
    states["delay_us"] = delay_us
    in_order = np.argsort(payments["at_us"], kind="stable")
    rows, row_of = features.view(ROW)[:, 0], np.arange(len(payments)) if row_of is None else row_of
    _learn_and_write_features(states, sellers, payments, in_order, label_sellers, labels, NOTHING, row_of, rows)
