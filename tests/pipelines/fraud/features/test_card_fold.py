"""The fold gives what brute force over the whole history gives, however payments are cut into
batches or repeated.
"""

import math
from itertools import pairwise

import numpy as np
import pytest
from brute_card import DAY_US, HOUR_US, MINUTE_US, brute_force
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pipelines.base.arrays import Records
from pipelines.fraud.features.card_fold import fold, late
from pipelines.fraud.features.card_state import CARD_FEATURES, CARD_STATE, EVENTS, HIGHS, MOST, new_cards
from pipelines.fraud.features.feature_set import FEATURE_NAMES, FEATURES
from pipelines.fraud.features.payment_records import NOBODY, PAYMENT

NOON_US = 20_000 * DAY_US + 12 * HOUR_US
CARDS = 3
AWAY = st.sampled_from([180 * DAY_US, 180 * DAY_US + 1, 700 * DAY_US])
CARD_COLUMNS = len(CARD_FEATURES)


def payments(*changes: dict[str, float]) -> Records:
    """Build payments a minute apart, each with its own event id, changed as given."""
    made = np.zeros(len(changes), PAYMENT)
    for i, change in enumerate(changes):
        base = {"at_us": NOON_US + i * MINUTE_US, "event": i + 1, "amount": 10.0, "customer": 1}
        base |= dict.fromkeys(("seller", "device", "country"), 1)
        for name, value in {**base, "latitude": math.nan, "longitude": math.nan, **change}.items():
            made[name][i] = value
    return made


def folded(made: Records) -> list[dict[str, float]]:
    """Fold payments of one card and return the features by name."""
    rows, _ = fold(new_cards(1), np.zeros(len(made), np.int64), made)
    return [dict(zip(FEATURE_NAMES, row, strict=True)) for row in rows.tolist()]


@st.composite
def histories(draw: st.DrawFn) -> tuple[np.ndarray, Records]:
    """Draw payments of a few cards in arrival order, some late, some after a month or after years,
    some without a card, customer, seller or device; and the cards that paid.
    """
    place, maybe = st.integers(1, 6), st.integers(0, 6)
    degrees = st.one_of(st.just(math.nan), st.floats(-80, 80, width=32))
    steps = st.one_of(st.integers(-2 * HOUR_US, 3 * DAY_US), st.integers(0, 2 * MINUTE_US), st.integers(0, 40 * DAY_US), AWAY)
    cents = st.one_of(st.integers(1, 100_000), st.integers(1, 1000).map(lambda whole: 100 * whole))
    card = st.integers(NOBODY, CARDS - 1)
    times = st.integers(1, 12)
    rows = draw(
        st.lists(
            st.tuples(card, steps, cents, maybe, maybe, maybe, place, place, degrees, degrees, times), min_size=1, max_size=40
        )
    )
    made, clock = np.zeros(len(rows), PAYMENT), NOON_US
    for i, (_, step, cent, *where, installments) in enumerate(rows):
        clock += step
        made[i] = (clock, i + 1, cent / 100, 0, *where, installments, 1, 1, 0, 0, math.nan)
    return np.array([row[0] for row in rows], np.int64), made


@given(histories(), st.lists(st.integers(0, 40), max_size=5))
def test_any_cut_into_batches_gives_the_features_and_states_of_one_pass(history, cuts):
    cards, made = history
    whole, parts = new_cards(CARDS), new_cards(CARDS)
    expected, _ = fold(whole, cards, made)
    edges = sorted({0, len(made), *(min(cut, len(made)) for cut in cuts)})
    rows = [fold(parts, cards[a:b], made[a:b])[0] for a, b in pairwise(edges)]
    np.testing.assert_array_equal(np.concatenate(rows), expected)
    assert parts.tobytes() == whole.tobytes()


@given(histories(), st.integers(0, 40), st.integers(0, 40))
def test_a_batch_that_dies_and_is_run_again_from_the_state_before_it_changes_nothing(history, start, died):
    cards, made = history
    start = min(start, len(made))
    died = min(max(start, died), len(made))
    whole, states = new_cards(CARDS), new_cards(CARDS)
    expected, _ = fold(whole, cards, made)
    fold(states, cards[:start], made[:start])
    before = states.copy()
    fold(states, cards[start:died], made[start:died])
    again, _ = fold(before, cards[start:], made[start:])
    np.testing.assert_array_equal(again, expected[start:])
    assert before.tobytes() == whole.tobytes()


@given(histories(), st.integers(0, 39), st.integers(0, EVENTS - 1))
def test_a_payment_sent_twice_is_folded_once(history, sent, gap):
    cards, made = history
    sent = min(sent, len(made) - 1)
    assume(cards[sent] != NOBODY)  # whose payments nobody remembers
    again = min(sent + 1 + gap, len(made))
    whole, states = new_cards(CARDS), new_cards(CARDS)
    expected, _ = fold(whole, cards, made)
    rows, repeated = fold(states, np.insert(cards, again, cards[sent]), np.insert(made, again, made[sent]))
    assert repeated.nonzero()[0].tolist() == [again]
    assert np.isnan(rows[again]).all()
    np.testing.assert_array_equal(np.delete(rows, again, axis=0), expected)
    assert states.tobytes() == whole.tobytes()


def tolerance(name: str, expected: dict[str, float]) -> float:
    """Return how far a feature may be from brute force.

    States keep sums as 32-bit floats, which is 7 digits: a spread near nothing is known to a
    thousandth of the amounts. Times of places are kept in seconds, and how high an amount was in
    quarters of a deviation.
    """
    if "_sd_" in name:
        return 2e-3 * max(expected["amount_30d"], 1)
    return {"amount_log_z": 2e-2, "high_z_3d": 0.25, "high_z_14d": 0.25}.get(name, 1e-3)


@given(histories())
@settings(max_examples=60)
def test_features_are_those_of_brute_force_over_the_whole_history(history):
    cards, made = history
    rows, _ = fold(new_cards(CARDS), cards, made)
    for i, card in enumerate(cards):
        own = [p for p, c in zip(made[: i + 1], cards[: i + 1], strict=True) if c == card]
        expected = brute_force(own if card != NOBODY else own[-1:])
        assert set(expected) == set(FEATURE_NAMES[:CARD_COLUMNS])
        names = FEATURE_NAMES[:CARD_COLUMNS]
        wanted = np.array([expected[name] for name in names])
        near = np.isclose(rows[i, :CARD_COLUMNS], wanted, 1e-3, [tolerance(name, expected) for name in names], equal_nan=True)
        assert not [
            (name, value, wanted) for name, value, wanted, ok in zip(names, rows[i], wanted, near, strict=False) if not ok
        ]


@given(histories())
def test_what_is_not_about_the_card_is_left_unknown(history):
    rows, _ = fold(new_cards(CARDS), *history)
    assert np.isnan(rows[:, CARD_COLUMNS:]).all()


@given(histories(), st.integers(1, 40))
def test_no_later_payment_changes_an_earlier_row(history, cut):
    cards, made = history
    whole, _ = fold(new_cards(CARDS), cards, made)
    early, _ = fold(new_cards(CARDS), cards[:cut], made[:cut])
    np.testing.assert_array_equal(whole[:cut], early)


LONG_AGO = {"at_us": 978_307_200_000_000, "device": 7, "country": 7, "seller": 7}  # 2001


def test_one_payment_of_years_ago_makes_nothing_of_the_card_years_old():
    days = [{"at_us": NOON_US + day * DAY_US} for day in range(5)]
    last, with_it = folded(payments(*days))[-1], folded(payments(LONG_AGO, *days))[-1]
    for age in ("card_age_d", "device_age_h", "country_age_h", "seller_known_h"):
        assert with_it[age] == pytest.approx(last[age]), age
        assert last[age] > 0
    assert with_it["gap_mean_h"] < last["gap_mean_h"] == 24


def test_payments_without_a_card_have_no_past_and_leave_none():
    made, states = payments({}, {}, {}), new_cards(1)
    before = states.tobytes()
    rows, repeated = fold(states, np.full(3, NOBODY), made)
    assert rows[:, FEATURE_NAMES.index("payments_before")].tolist() == [0, 0, 0]
    assert (states.tobytes(), repeated.any()) == (before, False)
    assert not late(states, np.full(3, NOBODY), made[::-1]).any()


def test_a_payment_without_device_seller_or_customer_tells_nothing_of_them_and_the_next_is_no_change():
    nobody = {"device": 0, "seller": 0, "customer": 0}
    _, without, after = folded(payments({}, nobody, {}))
    kinds = ("new_device", "device_changed", "device_age_h", "new_seller", "seller_known_h", "customer_changed")
    assert np.isnan([without[name] for name in kinds]).all()
    assert (without["devices_distinct"], without["sellers_2d"]) == pytest.approx((1, 1), rel=0.01)
    assert [after[name] for name in kinds] == pytest.approx([0, 0, 2 / 60, 0, 2 / 60, 0])


def test_a_payment_that_comes_late_is_folded_with_the_cards_clock():
    _, late, _ = folded(payments({"at_us": NOON_US + DAY_US}, {"at_us": NOON_US}, {"at_us": NOON_US + DAY_US}))
    assert (late["since_last_s"], late["card_age_d"], late["payments_1h"]) == (0, 0, 2)
    assert (late["hour"], late["payments_before"]) == (12, 1)


def test_another_customer_is_told_from_the_cards_last_and_from_its_first():
    changed, not_first = "customer_changed", "customer_not_first"
    first, *later = folded(payments(*({"customer": customer} for customer in (7, 7, 8, 8, 7))))
    assert math.isnan(first[changed])
    assert math.isnan(first[not_first])
    assert [(row[changed], row[not_first]) for row in later] == [(0, 0), (1, 1), (0, 1), (1, 0)]


def test_a_customer_whose_hash_ends_in_zeros_is_remembered_too():
    _, same, other = folded(payments({"customer": 2**16}, {"customer": 2**16}, {"customer": 2**17 + 2}))
    assert (same["customer_changed"], same["customer_not_first"]) == (0, 0)
    assert (other["customer_changed"], other["customer_not_first"]) == (1, 1)


def test_a_far_jump_shows_as_distance_and_speed():
    sao_paulo, lisbon = {"latitude": -23.55, "longitude": -46.63}, {"latitude": 38.72, "longitude": -9.14}
    first, unknown, second = folded(payments(sao_paulo, {}, {**lisbon, "at_us": NOON_US + 2 * HOUR_US}))
    assert math.isnan(first["distance_km"])
    assert math.isnan(unknown["speed_km_h"])
    assert second["distance_km"] == pytest.approx(7930, rel=0.01)
    assert second["speed_km_h"] == pytest.approx(second["distance_km"] / 2, rel=1e-5)
    assert second["impossible_travel"] == 1


def test_a_dear_payment_stands_out_and_hardly_moves_the_mean():
    rows = folded(payments(*({"amount": 92.0 + 4 * i} for i in range(5)), {"amount": 5000.0}, {}))
    assert rows[5]["amount_over_mean"] == pytest.approx(50)
    assert rows[5]["amount_z"] > 100
    assert rows[6]["amount_mean"] < 105
    assert rows[6]["amount_over_max"] == pytest.approx(10 / 5000)
    assert (rows[5]["high_1d"], rows[6]["high_1d"]) == (0, 1)


def test_high_amounts_are_counted_for_their_days_and_as_many_as_are_remembered():
    usual = [{"amount": 20.0 + i % 3} for i in range(30)]
    days = [{"amount": 9000.0, "at_us": NOON_US + DAY_US * d} for d in range(1, HIGHS + 2)]
    last = folded(payments(*usual, *days, {"at_us": NOON_US + DAY_US * (HIGHS + 1) + HOUR_US}))[-1]
    assert [last[f"high_{d}d"] for d in (1, 3, 7, 14)] == [1, 3, HIGHS, HIGHS]
    assert last["since_high_h"] == pytest.approx(1)
    assert last["high_z_3d"] == 255 / 4


def test_hour_and_weekday_are_the_payments_own():
    (row,) = folded(payments({"at_us": 1_792_000_000_000_000}))  # Wednesday 2026-10-14 17:46:40 UTC
    assert (row["hour"], row["weekday"], row["night"], row["weekend"]) == (17, 2, 0, 0)


def test_a_slot_counts_no_further_than_it_can():
    states, one = new_cards(1), payments({})
    fold(states, np.zeros(1, np.int64), one)
    states["day_payments"][states["day_payments"] > 0] = MOST
    one["event"] = 2
    rows, _ = fold(states, np.zeros(1, np.int64), one)
    assert rows[0, FEATURE_NAMES.index("payments_24h")] == MOST


def test_a_state_stays_within_a_kilobyte_and_every_feature_is_told_apart():
    assert CARD_STATE.itemsize == sum(CARD_STATE[name].itemsize for name in CARD_STATE.names) <= 1024, (
        "no bytes between the fields"
    )
    assert len(FEATURES) >= 90
    assert len({feature.name for feature in FEATURES}) == len({feature.meaning for feature in FEATURES}) == len(FEATURES)


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 5)), max_size=20), st.integers(0, 20))
def test_late_is_what_came_after_a_later_payment_of_its_card_however_cut(paid, cut):
    made, cards = np.zeros(len(paid), PAYMENT), np.array([card for card, _ in paid], np.int64)
    made["at_us"], made["event"] = [NOON_US + at for _, at in paid], np.arange(1, len(paid) + 1)
    states, came_late = new_cards(2), []
    for part in (slice(None, cut), slice(cut, None)):
        came_late += late(states, cards[part], made[part]).tolist()
        fold(states, cards[part], made[part])
    assert came_late == [any(paid[j][0] == card and paid[j][1] > at for j in range(i)) for i, (card, at) in enumerate(paid)]
