"""The fold gives what brute force over the whole history gives, however payments are cut into batches, replayed or repeated."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.features.card_activity import fold
from pipelines.features.card_records import (
    EVENTS,
    FEATURE_NAMES,
    FEATURES,
    HALF_LIVES_S,
    PAYMENT,
    PLACES,
    STATE,
    Records,
    blank,
)

MINUTE_US, HOUR_US, DAY_US = 60_000_000, 3_600_000_000, 86_400_000_000
NOON_US = 20_000 * DAY_US + 12 * HOUR_US
CARDS = 3


def payments(*changes: dict[str, float]) -> Records:
    """Build payments a minute apart, each with its own event id, changed as given."""
    made = np.zeros(len(changes), PAYMENT)
    for i, change in enumerate(changes):
        base = {"at_us": NOON_US + i * MINUTE_US, "event": i + 1, "amount": 10.0, "seller": 1, "device": 1, "country": 1}
        for name, value in {**base, "latitude": math.nan, "longitude": math.nan, **change}.items():
            made[name][i] = value
    return made


def folded(made: Records) -> list[dict[str, float]]:
    """Fold payments of one card and return the features by name."""
    rows, _ = fold(blank(1), np.zeros(len(made), np.int64), made)
    return [dict(zip(FEATURE_NAMES, row, strict=True)) for row in rows.tolist()]


@st.composite
def histories(draw: st.DrawFn) -> tuple[np.ndarray, Records]:
    """Draw payments of a few cards in arrival order, some late, and the cards that paid."""
    place = st.integers(1, 6)
    degrees = st.one_of(st.just(math.nan), st.floats(-80, 80))
    steps = st.one_of(st.integers(-2 * HOUR_US, 3 * DAY_US), st.integers(0, 2 * MINUTE_US))
    rows = draw(
        st.lists(
            st.tuples(st.integers(0, CARDS - 1), steps, st.integers(1, 100_000), place, place, place, degrees, degrees),
            min_size=1,
            max_size=40,
        )
    )
    made, clock = np.zeros(len(rows), PAYMENT), NOON_US
    for i, (_, step, cents, seller, device, country, latitude, longitude) in enumerate(rows):
        clock += step
        made[i] = (clock, i + 1, cents / 100, seller, device, country, latitude, longitude, 1, 1, 1, 0, 0, math.nan)
    return np.array([row[0] for row in rows], np.int64), made


@given(histories(), st.lists(st.integers(0, 40), max_size=5))
def test_any_cut_into_batches_gives_the_features_and_states_of_one_pass(history, cuts):
    cards, made = history
    whole, parts = blank(CARDS), blank(CARDS)
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
    whole, states = blank(CARDS), blank(CARDS)
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
    again = min(sent + 1 + gap, len(made))
    whole, states = blank(CARDS), blank(CARDS)
    expected, _ = fold(whole, cards, made)
    rows, repeated = fold(states, np.insert(cards, again, cards[sent]), np.insert(made, again, made[sent]))
    assert repeated.nonzero()[0].tolist() == [again]
    assert np.isnan(rows[again]).all()
    np.testing.assert_array_equal(np.delete(rows, again, axis=0), expected)
    assert states.tobytes() == whole.tobytes()


def brute_force(history: list[np.void]) -> dict[str, float]:
    """Compute the features of the last payment of one card from its whole history, slowly and plainly."""
    clocks = np.maximum.accumulate([p["at_us"] for p in history]).tolist()
    *earlier, _ = history
    now, amounts = clocks[-1], [float(p["amount"]) for p in history]
    told: dict[str, float] = {"payments_before": len(earlier), "card_age_d": (now - clocks[0]) / DAY_US}
    told["since_last_s"] = (now - clocks[-2]) / 1e6 if earlier else math.nan
    for name, slot_us, slots in (("1h", 5 * MINUTE_US, 12), ("24h", HOUR_US, 24)):
        inside = [a for a, c in zip(amounts, clocks, strict=True) if now // slot_us - c // slot_us < slots]
        told[f"payments_{name}"], told[f"amount_{name}"] = len(inside), sum(inside)
    for name, half_life_s in zip(("10m", "1d", "7d"), HALF_LIVES_S, strict=True):
        weights = [0.5 ** ((now - c) / 1e6 / half_life_s) for c in clocks]
        told[f"payments_{name}_decayed"] = sum(weights)
        told[f"amount_{name}_decayed"] = sum(w * a for w, a in zip(weights, amounts, strict=True))
    return {**told, **_brute_habits(history, clocks), **_brute_device(history, clocks), "amount": amounts[-1]}


def _brute_habits(history: list[np.void], clocks: list[int]) -> dict[str, float]:
    *earlier, last = history
    if not earlier:
        return {"amount_mean": math.nan, "amount_over_max": math.nan, "night_share": math.nan}
    clipped: list[float] = []
    for payment in earlier:
        mean, deviation = (np.mean(clipped), np.std(clipped)) if clipped else (0, 0)
        cap = mean + 2.5 * max(deviation, mean / 10) if len(clipped) >= 5 else math.inf
        clipped.append(min(float(payment["amount"]), cap))
    hours = [p["at_us"] // HOUR_US % 24 for p in earlier]
    return {
        "amount_mean": float(np.mean(clipped)),
        "amount_sd": float(np.std(clipped)),
        "amount_over_max": last["amount"] / max(p["amount"] for p in earlier),
        "night_share": sum(h >= 22 or h < 6 for h in hours) / len(hours),
    }


def _brute_device(history: list[np.void], clocks: list[int]) -> dict[str, float]:
    remembered: dict[int, int] = {}
    for payment, clock in zip(history, clocks, strict=True):
        told = {"new_device": float(payment["device"] not in remembered)}
        since = remembered.pop(payment["device"], clock)
        remembered = dict([*remembered.items(), (payment["device"], since)][-PLACES:])
        told["device_age_h"] = (clock - since) / HOUR_US
    return told


@given(histories())
def test_features_are_those_of_brute_force_over_the_whole_history(history):
    cards, made = history
    rows, _ = fold(blank(CARDS), cards, made)
    for i, card in enumerate(cards):
        expected = brute_force([p for p, c in zip(made[: i + 1], cards[: i + 1], strict=True) if c == card])
        got = {name: rows[i][FEATURE_NAMES.index(name)] for name in expected}
        assert got == pytest.approx(expected, rel=1e-4, abs=2e-2, nan_ok=True)


def test_no_later_payment_changes_an_earlier_row():
    early = folded(payments({}, {}, {}))
    late = folded(payments({}, {}, {}, {"amount": 9999.0, "device": 7}))
    np.testing.assert_equal(late[:3], early)


def test_a_far_jump_shows_as_distance_and_speed():
    sao_paulo, lisbon = {"latitude": -23.55, "longitude": -46.63}, {"latitude": 38.72, "longitude": -9.14}
    first, unknown, second = folded(payments(sao_paulo, {}, {**lisbon, "at_us": NOON_US + 2 * HOUR_US}))
    assert math.isnan(first["distance_km"])
    assert math.isnan(unknown["speed_km_h"])
    assert second["distance_km"] == pytest.approx(7930, rel=0.01)
    assert second["speed_km_h"] == pytest.approx(second["distance_km"] / 2, rel=1e-5)


def test_a_dear_payment_stands_out_and_hardly_moves_the_mean():
    rows = folded(payments(*({"amount": 92.0 + 4 * i} for i in range(5)), {"amount": 5000.0}, {}))
    assert rows[5]["amount_over_mean"] == pytest.approx(50)
    assert rows[5]["amount_z"] > 100
    assert rows[6]["amount_mean"] < 105
    assert rows[6]["amount_over_max"] == pytest.approx(10 / 5000)


def test_hour_and_weekday_are_the_payments_own():
    (row,) = folded(payments({"at_us": 1_792_000_000_000_000}))  # Wednesday 2026-10-14 17:46:40 UTC
    assert (row["hour"], row["weekday"]) == (17, 2)


def test_a_state_stays_below_a_kilobyte_and_every_feature_is_told_apart():
    assert STATE.itemsize <= 1024
    assert len({feature.name for feature in FEATURES}) == len({feature.meaning for feature in FEATURES}) == len(FEATURES)
