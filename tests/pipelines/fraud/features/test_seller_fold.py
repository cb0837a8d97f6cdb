"""Seller features are those of brute force, and nothing that was not known then can be seen in them
or learned from them.
"""

from itertools import pairwise

import numpy as np
import pytest
from brute_seller import DAY_US, HOUR_US, Label, brute_force
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import average_precision_score

from pipelines.base.arrays import Records
from pipelines.fraud.features.card_state import CARD_FEATURES
from pipelines.fraud.features.feature_set import FEATURE_NAMES, FEATURES
from pipelines.fraud.features.labels import Findings, labels
from pipelines.fraud.features.payment_records import NOBODY, PAYMENT
from pipelines.fraud.features.seller_fold import as_of, learn, learn_and_write_features, write_known_features
from pipelines.fraud.features.seller_state import SELLER_FEATURES, SELLER_RECORD, SELLER_STATE, new_sellers

START_US = 17_600 * DAY_US
SELLERS = 2
AWAY = st.sampled_from([180 * DAY_US, 180 * DAY_US + 1, -400 * DAY_US])
DELAY_US = 7 * DAY_US
COLUMNS = slice(len(CARD_FEATURES), len(CARD_FEATURES) + len(SELLER_FEATURES))

Past = tuple[np.ndarray, Records, np.ndarray, Findings]


@st.composite
def histories(draw: st.DrawFn) -> Past:
    """Draw payments to a few sellers or to none in any order, how unusual their amounts were, and
    what the bank found, mostly in time.
    """
    count = draw(st.integers(1, 40))
    step = st.one_of(st.integers(-2 * DAY_US, 3 * DAY_US), st.integers(0, HOUR_US), st.integers(0, 20 * DAY_US), AWAY)
    made, clock = np.zeros(count, PAYMENT), START_US
    for i in range(count):
        clock += draw(step)
        made[i]["at_us"], made[i]["amount"] = clock, draw(st.integers(1, 1000))
    sellers = np.array(draw(st.lists(st.integers(NOBODY, SELLERS - 1), min_size=count, max_size=count)), np.int64)
    amount_z = draw(st.lists(st.sampled_from([-1.0, 0.5, 2.4, 3.0, np.nan]), min_size=count, max_size=count))
    found = draw(st.lists(st.tuples(st.integers(0, count - 1), st.integers(0, 20 * DAY_US), st.booleans()), max_size=count))
    payment = np.array([f[0] for f in found], np.int64)
    found_us = made["at_us"][payment] + np.array([f[1] for f in found], np.int64)
    fraud = np.array([f[2] for f in found], np.bool_)
    return sellers, made, np.array(amount_z, np.float32), Findings(payment, found_us, fraud)


def features_of(history: Past) -> np.ndarray:
    """Return the seller features of all payments of a history."""
    sellers, made, amount_z, found = history
    features = np.full((len(made), len(FEATURES)), np.nan, np.float32)
    known, of = labels(made["at_us"], amount_z, found, DELAY_US)
    learn_and_write_features(new_sellers(SELLERS), sellers, made, sellers[of], known, DELAY_US, features)
    return features


def newest(states: Records) -> Records:
    """Return records that are asked for their later state, whenever a payment was made."""
    records = np.zeros(len(states), SELLER_RECORD)
    records["after"] = states
    return records


@given(histories())
@settings(max_examples=60)
def test_features_are_those_of_brute_force_over_all_payments_and_labels(history):
    sellers, made, amount_z, found = history
    rows = features_of(history)
    known, of = labels(made["at_us"], amount_z, found, DELAY_US)
    for i, seller in enumerate(sellers):
        own = sellers == seller if seller != NOBODY else np.zeros(len(made), np.bool_)
        paid = [(int(p["at_us"]), float(p["amount"])) for p in made[own]]
        known_labels = [Label(*label.item()) for label in known[own[of]]]
        expected = brute_force(int(made["at_us"][i]), float(made["amount"][i]), paid, known_labels, DELAY_US)
        assert list(expected) == [feature.name for feature in SELLER_FEATURES]
        np.testing.assert_allclose(rows[i, COLUMNS], list(expected.values()), rtol=1e-5, err_msg=str(list(expected)))


@given(histories(), st.integers(1, 5))
def test_learning_hour_by_hour_and_telling_in_between_gives_the_same(history, parts):
    sellers, made, amount_z, found = history
    expected, got = features_of(history), np.full((len(made), len(FEATURES)), np.nan, np.float32)
    known, of = labels(made["at_us"], amount_z, found, DELAY_US)
    states, begin, moments = new_sellers(SELLERS), -1, as_of(made["at_us"])
    in_order = np.argsort(made["at_us"], kind="stable")
    for moment in np.unique(moments):
        edges = np.linspace(begin, moment, parts + 1).astype(np.int64)
        for a, b in pairwise(edges):  # a job that runs as often as it likes
            paid = in_order[(made["at_us"][in_order] >= a) & (made["at_us"][in_order] < b)]
            fresh = (known["known_us"] >= a) & (known["known_us"] < b)
            learn(states, sellers[paid], made[paid], sellers[of][fresh], known[fresh], DELAY_US)
        begin = moment
        of_moment = moments == moment
        some = got[of_moment]
        write_known_features(newest(states), sellers[of_moment], made[of_moment], some)
        got[of_moment] = some
    np.testing.assert_array_equal(got, expected)


@given(histories())
def test_the_order_in_which_payments_are_given_changes_nothing(history):
    sellers, made, amount_z, found = history
    backwards = np.arange(len(made))[::-1]
    turned = Findings(len(made) - 1 - found.payment, found.found_us, found.fraud)
    rows = features_of((sellers[backwards], made[backwards], amount_z[backwards], turned))
    np.testing.assert_allclose(rows[backwards], features_of(history), rtol=1e-6)


@given(histories(), st.randoms(use_true_random=False))
def test_learning_of_payments_in_any_order_leaves_the_same_states(history, random):
    sellers, made, amount_z, found = history
    known, of = labels(made["at_us"], amount_z, found, DELAY_US)
    order = list(range(len(made)))
    random.shuffle(order)
    expected, got = new_sellers(SELLERS), new_sellers(SELLERS)
    learn(expected, sellers, made, sellers[of], known, DELAY_US)
    learn(got, sellers[order], made[order], sellers[of], known, DELAY_US)
    assert got.tobytes() == expected.tobytes()


@given(histories(), st.integers(0, 39), st.randoms(use_true_random=False))
def test_what_happens_later_and_labels_younger_than_the_delay_change_no_feature(history, which, random):
    sellers, made, amount_z, found = history
    now = int(made["at_us"][min(which, len(made) - 1)])
    earlier = made["at_us"] <= now
    young = (made["at_us"][found.payment] > now - DELAY_US) | (found.found_us > now)
    fraud = np.where(young, [random.random() < 0.5 for _ in found.fraud], found.fraud)
    found_us = np.where(young, np.maximum(found.found_us, now - random.randrange(DELAY_US)), found.found_us)
    found_us = np.where(found.found_us > now, np.maximum(found_us, now + 1), found_us)
    amounts = made.copy()
    amounts["amount"][~earlier] *= 1000
    changed = features_of((sellers, amounts, amount_z, Findings(found.payment, found_us, fraud)))
    np.testing.assert_array_equal(changed[earlier], features_of(history)[earlier])


def a_shop(days: int, per_day: int, sellers: int) -> tuple[np.ndarray, Records]:
    """Build payments of many days to some sellers at random."""
    random = np.random.default_rng(3)
    made = np.zeros(days * per_day, PAYMENT)
    made["at_us"] = START_US + np.sort(random.integers(0, days * DAY_US, len(made)))
    made["amount"] = random.lognormal(3, 1, len(made))
    return random.integers(0, sellers, len(made)), made


def test_a_label_planted_in_the_future_cannot_be_learnt():
    sellers, made = a_shop(days=42, per_day=300, sellers=300)
    random = np.random.default_rng(4)
    # A seller is bad for a week, then another half of them is: with tomorrow's labels every payment
    # would be plain.
    week = (made["at_us"] - START_US) // (7 * DAY_US)
    bad = random.random((300, 6)) < 0.5
    fraud = bad[sellers, week]
    everyone = np.arange(len(made))

    def precision(delay_us: int, found_us: np.ndarray) -> float:
        """Learn on all weeks but the last two and return the average precision on the last one."""
        features = np.full((len(made), len(FEATURES)), np.nan, np.float32)
        known, of = labels(made["at_us"], np.zeros(len(made), np.float32), Findings(everyone, found_us, fraud), delay_us)
        learn_and_write_features(new_sellers(300), sellers, made, sellers[of], known, delay_us, features)
        model = HistGradientBoostingClassifier(max_iter=15, random_state=0)
        model.fit(features[week < 4][:, COLUMNS], fraud[week < 4])
        return float(average_precision_score(fraud[week == 5], model.predict_proba(features[week == 5][:, COLUMNS])[:, 1]))

    chance = fraud[week == 5].mean()
    assert precision(DAY_US // 24, made["at_us"]) > chance + 0.3, "it can be learnt where labels come at once"
    assert precision(DELAY_US, made["at_us"]) < chance + 0.1
    assert precision(DAY_US // 24, made["at_us"] + DELAY_US) < chance + 0.1, "a finding that comes late is late"


@pytest.mark.parametrize("found_on", [9, 11.5, 13], ids=["before the run", "within the run", "after the run"])
def test_one_payment_of_years_ago_makes_neither_the_seller_nor_its_run_years_old(found_on):
    days, long_ago = np.arange(20) * DAY_US + START_US, 978_307_200_000_000  # 2001
    made = np.zeros(21, PAYMENT)
    made["at_us"] = np.r_[days, long_ago]
    found_us = START_US + (np.array([4, 5, found_on]) * DAY_US).astype(np.int64)
    findings = Findings(np.array([3, 4, 20]), found_us, np.ones(3, np.bool_))
    rows = features_of((np.zeros(21, np.int64), made, np.zeros(21, np.float32), findings))
    row = dict(zip(FEATURE_NAMES, rows[19].tolist(), strict=True))
    assert (row["seller_age_d"], row["seller_run_age_d"], row["seller_run_frauds"]) == pytest.approx((19, 16, 2))


def test_a_seller_never_seen_has_no_past():
    payment, row = np.zeros(1, PAYMENT), np.full((1, len(FEATURES)), np.nan, np.float32)
    payment["at_us"] = START_US
    write_known_features(newest(new_sellers(1)), np.zeros(1, np.int64), payment, row)
    features = dict(zip(FEATURE_NAMES, row[0].tolist(), strict=True))
    assert (features["seller_payments_30d"], features["seller_labels_30d"], features["seller_run_frauds"]) == (0, 0, 0)
    assert np.isnan([features["seller_age_d"], features["seller_fraud_rate"], features["seller_run_age_d"]]).all()


def test_a_compromised_seller_shows_as_a_run_and_the_next_legitimate_label_speaks_against_it():
    hours = np.arange(6) * HOUR_US
    made = np.zeros(7, PAYMENT)
    made["at_us"] = START_US + np.r_[hours, 9 * DAY_US]
    amount_z = np.array([0, 5, 0, 1, 1, 0, 0], np.float32)  # the first fraud's amount explains it
    found = Findings(np.array([1, 2, 3, 4]), made["at_us"][1:5], np.ones(4, np.bool_))
    row = dict(zip(FEATURE_NAMES, features_of((np.zeros(7, np.int64), made, amount_z, found))[-1].tolist(), strict=True))
    assert (row["seller_run_frauds"], row["seller_run_legitimate"], row["seller_frauds_of_8"]) == (3, 1, 4)
    assert row["seller_run_age_d"] == pytest.approx(9 - 2 / 24, rel=1e-5)
    assert row["seller_run_length_d"] == pytest.approx(2 / 24, rel=1e-5)


def test_a_state_has_no_bytes_between_its_fields():
    assert sum(SELLER_STATE[name].itemsize for name in SELLER_STATE.names) == SELLER_STATE.itemsize
