"""What is told of devices is what brute force finds, however payments are cut into batches, run
again, or seen by two tasks.
"""

import math
from itertools import pairwise

import numpy as np
import pytest
from brute_device import DAY_S, HOUR_S, YEAR_S, Sighting, brute_force
from hypothesis import given
from hypothesis import strategies as st

from pipelines.base.arrays import Records
from pipelines.fraud.features.device_fold import fold, join
from pipelines.fraud.features.device_state import DEVICE_FEATURES, DEVICE_STATE, SIGHTINGS, new_devices
from pipelines.fraud.features.feature_set import FEATURE_NAMES, FEATURES
from pipelines.fraud.features.payment_records import NOBODY, PAYMENT

NOON_S = 20_000 * DAY_S + 12 * HOUR_S
DEVICES = 2
COLUMNS = slice(len(FEATURES) - len(DEVICE_FEATURES), None)

History = tuple[np.ndarray, Records]


def payments(*paid: Sighting) -> Records:
    """Build payments by their seconds and cards; cards differ in the bits that are remembered."""
    made = np.zeros(len(paid), PAYMENT)
    made["at_us"] = [1_000_000 * at_s + i for i, (at_s, _) in enumerate(paid)]
    made["card"], made["device"], made["event"] = [card for _, card in paid], 9, np.arange(1, len(paid) + 1)
    return made


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Draw payments in order of arrival, some late, some at once, some after days or months, some
    with a date of years ago, some without a card, and the devices they came from, if any.
    """
    soon, days = st.integers(-2 * HOUR_S, 3 * HOUR_S), st.integers(-3 * DAY_S, 4 * DAY_S)
    step = st.one_of(soon, st.integers(0, 2), days, st.just(2 * DAY_S), st.integers(-200 * DAY_S, 300 * DAY_S))
    device, card, years = st.integers(NOBODY, DEVICES - 1), st.integers(0, 20), st.sampled_from([0] * 12 + [1, 2, 3, 20])
    rows = draw(st.lists(st.tuples(device, step, card, years), min_size=1, max_size=60))
    clock = NOON_S + np.cumsum([step for _, step, _, _ in rows]) - YEAR_S * np.array([years for *_, years in rows])
    made = payments(*(Sighting(int(at_s), card) for at_s, (_, _, card, _) in zip(clock, rows, strict=True)))
    return np.array([device for device, *_ in rows], np.int64), made


def folded(states: Records, devices: np.ndarray, made: Records, order: np.ndarray | None = None) -> np.ndarray:
    """Fold payments, all in the order given unless told otherwise, and return what they were
    told.
    """
    features = np.full((len(made), len(FEATURES)), np.nan, np.float32)
    fold(states, devices, made, np.arange(len(made)) if order is None else order, features)
    assert np.isnan(features[:, : COLUMNS.start]).all()
    return features[:, COLUMNS]


def by_name(row: np.ndarray) -> dict[str, float]:
    return dict(zip(FEATURE_NAMES[COLUMNS], row.tolist(), strict=True))


@given(histories())
def test_features_are_those_of_brute_force_over_all_that_arrived(history):
    devices, made = history
    sightings = [Sighting(int(p["at_us"]) // 1_000_000, int(p["card"])) for p in made]
    for i, row in enumerate(folded(new_devices(DEVICES), devices, made)):
        if devices[i] == NOBODY:
            assert np.isnan(row).all()
            continue
        arrived = [seen for seen, device in zip(sightings[:i], devices, strict=False) if device == devices[i]]
        assert by_name(row) == pytest.approx(brute_force(sightings[i], arrived, SIGHTINGS), nan_ok=True)


@given(histories(), st.lists(st.integers(0, 60), max_size=5))
def test_any_cut_into_batches_gives_the_features_and_states_of_one_pass(history, cuts):
    devices, made = history
    whole, parts = new_devices(DEVICES), new_devices(DEVICES)
    expected = folded(whole, devices, made)
    edges = sorted({0, len(made), *(min(cut, len(made)) for cut in cuts)})
    rows = [folded(parts, devices[a:b], made[a:b]) for a, b in pairwise(edges)]
    np.testing.assert_array_equal(np.concatenate(rows), expected)
    assert parts.tobytes() == whole.tobytes()


@given(histories(), st.randoms(use_true_random=False))
def test_a_state_does_not_depend_on_the_order_nor_on_how_often_a_payment_is_folded(history, random):
    devices, made = history
    expected, got = new_devices(DEVICES), new_devices(DEVICES)
    folded(expected, devices, made)
    order = [*range(len(made)), *range(len(made) // 2)]
    random.shuffle(order)
    folded(got, devices, made, np.array(order))
    assert got.tobytes() == expected.tobytes()


@given(histories(), st.lists(st.booleans(), min_size=60, max_size=60), st.integers(0, 60))
def test_what_two_tasks_saw_joins_to_what_one_would_have_seen_and_joining_again_adds_nothing(history, of_first, start):
    devices, made = history
    before, whole = new_devices(DEVICES), new_devices(DEVICES)
    folded(before, devices[:start], made[:start])
    folded(whole, devices, made)
    first, second = before.copy(), before.copy()
    chosen, later = np.array(of_first[: len(made)]), np.arange(len(made)) >= start
    folded(first, devices, made, (chosen & later).nonzero()[0])
    folded(second, devices, made, (~chosen & later).nonzero()[0])
    join(first, second)
    assert first.tobytes() == whole.tobytes()
    join(first, second)
    join(first, new_devices(DEVICES))
    assert first.tobytes() == whole.tobytes()


def test_other_cards_are_counted_once_each_and_only_for_their_time():
    paid = [Sighting(NOON_S, 1), Sighting(NOON_S + HOUR_S, 2), Sighting(NOON_S + HOUR_S, 2), Sighting(NOON_S + 2 * DAY_S, 3)]
    rows = [by_name(row) for row in folded(new_devices(1), np.zeros(4, np.int64), payments(*paid))]
    assert [row["device_cards_2d"] for row in rows] == [0, 1, 1, 1]
    assert [row["device_cards_1h"] for row in rows] == [0, 0, 0, 0]
    assert [row["device_payments_2d"] for row in rows] == [0, 1, 2, 1]
    assert math.isnan(rows[0]["device_seen_h"])
    assert [row["device_seen_h"] for row in rows[1:]] == [1, 1, 48]


def test_a_payment_that_comes_late_is_told_what_was_seen_by_its_own_time():
    paid = [Sighting(NOON_S, 1), Sighting(NOON_S + HOUR_S, 2), Sighting(NOON_S + 60, 3), Sighting(NOON_S - 60, 4)]
    *_, late, first = (by_name(row) for row in folded(new_devices(1), np.zeros(4, np.int64), payments(*paid)))
    assert (late["device_cards_2d"], late["device_seen_h"]) == (1, pytest.approx(60 / HOUR_S))
    assert first["device_cards_2d"] == 0
    assert math.isnan(first["device_seen_h"])


def test_a_device_without_an_id_is_told_nothing_of_and_not_remembered():
    made, states = payments(Sighting(NOON_S, 1), Sighting(NOON_S, 2)), new_devices(1)
    assert np.isnan(folded(states, np.full(2, NOBODY), made)).all()
    assert states.tobytes() == new_devices(1).tobytes()


@pytest.mark.parametrize("place", [0, 2, 4])
def test_one_payment_of_years_ago_changes_no_feature_of_the_others(place):
    paid = [Sighting(NOON_S + hour * HOUR_S, hour) for hour in range(1, 5)]
    long_ago = Sighting(978_307_200, 7)  # 2001
    expected = folded(new_devices(1), np.zeros(4, np.int64), payments(*paid))
    rows = folded(new_devices(1), np.zeros(5, np.int64), payments(*paid[:place], long_ago, *paid[place:]))
    np.testing.assert_array_equal(np.delete(rows, place, axis=0), expected)


def test_a_row_may_be_left_out_of_the_features_and_is_remembered_all_the_same():
    made, features = payments(*(Sighting(NOON_S + n, n) for n in (1, 2, 3))), np.full((1, len(FEATURES)), np.nan, np.float32)
    states = new_devices(1)
    fold(states, np.zeros(3, np.int64), made, np.arange(3), features, np.array([NOBODY, NOBODY, 0]))
    assert by_name(features[0, COLUMNS])["device_cards_1h"] == 2
    assert states["sightings"].astype(bool).sum() == 3


def test_a_state_is_small_and_has_no_bytes_between_its_fields():
    assert DEVICE_STATE.itemsize == sum(DEVICE_STATE[name].itemsize for name in DEVICE_STATE.names) == 128
