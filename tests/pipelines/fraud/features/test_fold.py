"""The one sequence of folds gives what training makes of the same payments, in any batches; a
sequence in another order does not.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from ids import NO_ID
from varied_payments import CARDS, DEVICES, LABEL_DELAY_DAYS, SELLERS, Event, Made, known_of_sellers, table

from pipelines.base.arrays import Floats, Records
from pipelines.fraud import training_data
from pipelines.fraud.features import card_fold, device_fold, payment_records
from pipelines.fraud.features.feature_set import FEATURES
from pipelines.fraud.features.fold import Folded, Known, States, fold, nothing_known, warm_up
from pipelines.fraud.features.payment_records import Keys, Payments
from pipelines.fraud.features.seller_fold import write_known_features

Fold = Callable[[Known, Payments], Folded]


@dataclass(frozen=True)
class Shop:
    """Payments in order of arrival, some of them sent twice, what is known of SELLERS when they
    come, and the features that training makes of those that were not sent before.
    """

    paid: pa.Table
    sellers: Records
    trained: Floats


def sent_again(payment: Event, **changes: object) -> Event:
    """Build a copy of an event that differs from the first, as a careless sender's does."""
    return {**payment, **changes}


@pytest.fixture(scope="module")
def shop() -> Shop:
    made = Made()
    sales, past = made.sales(), made.past()
    rounds = [each for number in range(1, 4) for each in made.round(number)]
    again = [sent_again(each, device_id=DEVICES[0]) for each in rounds[3:9]]
    events = [*past, past[3], *rounds[:9], *again, *rounds[9:]]
    paid = table(events)
    _, records, _ = training_data.fold_cards(table([*sales, *events]))
    trained = training_data.folded(table([*sales, *events]), LABEL_DELAY_DAYS).features
    assert len(records) == len(sales) + len(events) - 7, "those sent again are left out"
    return Shop(paid, known_of_sellers(table(sales)), trained[len(sales) :])


def batches(shop: Shop, cuts: list[int]) -> Iterator[pa.Table]:
    edges = [0, *cuts, len(shop.paid)]
    return (shop.paid.slice(first, last - first) for first, last in pairwise(edges))


def sellers_of(shop: Shop, keys: Keys) -> Records:
    """Return what is known of sellers, nothing of those that are not SELLERS."""
    found = np.zeros(len(keys.sellers), shop.sellers.dtype)
    for i, name in enumerate(keys.sellers):
        if name in SELLERS:
            found[i] = shop.sellers[SELLERS.index(name)]
    return found


def folded(shop: Shop, cuts: list[int], folding: Fold) -> tuple[Floats, dict[str, bytes]]:
    """Fold the payments in batches, as the scorer does, and return the features of those that are
    not repeated, and the states that are left.
    """
    left: dict[str, np.void] = {}
    rows = []
    for paid in batches(shop, cuts):
        keys, payments = payment_records.keyed(paid, NO_ID)
        states = nothing_known(keys).states
        for names, of_kind in zip((keys.cards, keys.devices), states, strict=True):
            for i, name in enumerate(names):
                of_kind[i] = left.get(name, of_kind[i])
        features, after, repeated = folding(Known(states, sellers_of(shop, keys)), payments)
        for names, of_kind in zip((keys.cards, keys.devices), after, strict=True):
            left |= dict(zip(names, of_kind, strict=True))
        rows.append(features[~repeated])
    return np.concatenate(rows), {name: state.tobytes() for name, state in left.items()}


@pytest.mark.parametrize("cuts", [[], [20, 61, 70], list(range(1, 97))], ids=["at once", "in batches", "one by one"])
def test_features_are_those_of_training_however_payments_are_cut_into_batches(shop: Shop, cuts: list[int]) -> None:
    features, left = folded(shop, cuts, fold)
    np.testing.assert_array_equal(features, shop.trained)
    assert left == folded(shop, [], fold)[1]
    assert {*CARDS, *DEVICES} <= left.keys()


def devices_fold_what_is_repeated(known: Known, payments: Payments) -> Folded:
    features, states, repeated = fold(known, payments)
    devices = known.states.devices.copy()
    device_fold.fold(devices, payments.device, payments.records, np.arange(len(repeated)), features)
    return Folded(features, States(states.cards, devices), repeated)


def devices_fold_before_cards(known: Known, payments: Payments) -> Folded:
    states = States(known.states.cards.copy(), known.states.devices.copy())
    features = np.full((len(payments.records), len(FEATURES)), np.nan, np.float32)
    device_fold.fold(states.devices, payments.device, payments.records, np.arange(len(features)), features)
    features, repeated = card_fold.fold(states.cards, payments.card, payments.records)
    write_known_features(known.sellers, payments.seller, payments.records, features)
    return Folded(features, states, repeated)


def sellers_are_left_out(known: Known, payments: Payments) -> Folded:
    return fold(known._replace(sellers=None), payments)


def sellers_are_mixed_up(known: Known, payments: Payments) -> Folded:
    return fold(known, payments._replace(seller=payments.seller[::-1]))


BROKEN: list[Fold] = [
    devices_fold_what_is_repeated,
    devices_fold_before_cards,
    sellers_are_left_out,
    sellers_are_mixed_up,
]


@pytest.mark.parametrize("broken", BROKEN, ids=lambda each: each.__name__)
def test_the_comparison_with_training_goes_red_for_any_other_sequence(shop: Shop, broken: Fold) -> None:
    features, _ = folded(shop, [20, 61, 70], broken)
    assert not np.array_equal(features, shop.trained, equal_nan=True)


def test_what_is_known_is_left_as_it_is(shop: Shop) -> None:
    keys, payments = payment_records.keyed(shop.paid, NO_ID)
    known = Known(nothing_known(keys).states, sellers_of(shop, keys))
    before = [each.tobytes() for each in (*known.states, known.sellers)]
    fold(known, payments)
    assert [each.tobytes() for each in (*known.states, known.sellers)] == before


def test_one_payment_alone_is_folded_as_among_many(shop: Shop) -> None:
    (payment,) = shop.paid.slice(0, 1).to_pylist()
    keys, payments = payment_records.keyed_one(payment, NO_ID)
    many = payment_records.keyed(shop.paid.slice(0, 1), NO_ID)
    assert (keys, payments.records.tobytes()) == (many[0], many[1].records.tobytes())
    assert [each.tolist() for each in payments[1:]] == [each.tolist() for each in many[1][1:]]


def test_after_warming_up_nothing_is_left_to_compile(shop: Shop) -> None:
    warm_up()
    compiled = [card_fold._fold, card_fold._late, device_fold._fold, device_fold._join]
    before = [len(each.signatures) for each in compiled]
    keys, payments = payment_records.keyed(shop.paid, NO_ID)
    # As those that were read.
    sellers = np.frombuffer(sellers_of(shop, keys).tobytes(), shop.sellers.dtype)
    known = Known(nothing_known(keys).states, sellers)
    folded = fold(known, payments)
    card_fold.late(known.states.cards, payments.card, payments.records)
    device_fold.join(folded.states.devices, folded.states.devices.copy())
    assert [len(each.signatures) for each in compiled] == before
