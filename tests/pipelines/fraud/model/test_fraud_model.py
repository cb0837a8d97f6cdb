"""A model is used only if it is the registered one, fits the features and gives probabilities; its
reasons are words.
"""

import hashlib

import numpy as np
import pytest
from fraud_models import DEAR, a_booster, a_model, a_packed_model, a_policy, deciding

from pipelines.base.arrays import Floats
from pipelines.base.errors import ModelError
from pipelines.fraud.features.feature_set import FEATURE_NAMES, FEATURES
from pipelines.fraud.model import fraud_model


def rows(*amounts: float) -> Floats:
    made = np.full((len(amounts), len(FEATURES)), np.nan, np.float32)
    made[:, 0] = amounts
    return made


def test_a_verified_model_gives_probabilities():
    cheap, dear = fraud_model.predict(a_model(), rows(10, 2 * DEAR))
    assert 0 <= cheap < 0.2 < 0.8 < dear <= 1


def test_reasons_are_words_with_the_value_seen_largest_first():
    (reasons,) = fraud_model.reasons(a_model(), rows(2 * DEAR))
    assert reasons[0] == "amount of this payment: 1000 (money)"
    assert len(reasons) <= fraud_model.REASONS


def test_no_suspicious_rows_have_no_reasons():
    assert fraud_model.reasons(a_model(), rows()) == []


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("new_device", 1.0, "first payment of the card from this device: yes"),
        ("payments_1h", 14.0, "payments with this card within an hour, this one included: 14"),
        ("speed_km_h", np.nan, "speed from the place of the card's last payment: unknown"),
    ],
)
def test_a_reason_reads_like_a_sentence(name, value, words):
    assert fraud_model._in_words(FEATURE_NAMES.index(name), value) == words


def test_flipped_bytes_are_refused():
    content = bytearray(a_packed_model().content)
    content[len(content) // 2] ^= 1
    with pytest.raises(ModelError, match="SHA-256"):
        fraud_model.load(a_packed_model(content=bytes(content)))


def test_another_feature_set_is_refused():
    with pytest.raises(ModelError, match="card_activity/0"):
        fraud_model.load(a_packed_model(feature_set="card_activity/0"))


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_what_is_no_xgboost_model_is_refused_even_with_the_right_digest():
    content = b'{"learner": 1}'
    with pytest.raises(ModelError, match="not a readable XGBoost model"):
        fraud_model.load(a_packed_model(content=content, sha256=hashlib.sha256(content).hexdigest()))


def test_other_features_in_the_same_number_are_refused():
    with pytest.raises(ModelError, match="in order"):
        fraud_model.load(a_packed_model(booster=a_booster(names=tuple(reversed(FEATURE_NAMES)))))


@pytest.mark.parametrize("objective", ["binary:logitraw", "reg:squarederror"])
def test_a_model_that_gives_no_probabilities_is_refused(objective):
    with pytest.raises(ModelError, match=rf"version 1 \({objective}\) gives no probabilities"):
        fraud_model.load(a_packed_model(booster=a_booster(objective)))


def test_margins_are_those_of_the_librarys_own_call():
    booster = fraud_model.load(a_packed_model()).booster
    drawn = np.random.default_rng(7).normal(0, 1000, (50, len(FEATURE_NAMES))).astype(np.float32)
    drawn[::3, ::5] = np.nan
    for some in (drawn, drawn[:1], drawn[:, ::-1], drawn[:0]):
        expected = booster.inplace_predict(some, predict_type="margin") if len(some) else np.zeros(0, np.float32)
        np.testing.assert_array_equal(fraud_model.margins(booster, some), expected)


def test_the_policy_comes_with_the_model():
    policy = a_policy(review_at=0.3, decline_at=0.4)
    assert a_model(booster=deciding(policy)).policy == policy


def test_probabilities_are_calibrated_by_the_policy():
    plain = fraud_model.predict(a_model(), rows(10, 450, 2 * DEAR))
    assert plain == pytest.approx(a_booster().inplace_predict(rows(10, 450, 2 * DEAR)), abs=1e-6)
    rarer = fraud_model.predict(a_model(booster=deciding(a_policy(intercept=-3.0))), rows(10, 450, 2 * DEAR))
    odds = plain / (1 - plain) * np.exp(-3)
    assert rarer == pytest.approx(odds / (1 + odds), rel=1e-4)


def test_a_model_of_the_old_form_is_refused_in_a_sentence():
    old = a_booster().copy()
    old.set_attr(policy=None)
    with pytest.raises(ModelError, match="of an old form, without thresholds of its own: train again"):
        fraud_model.load(a_packed_model(booster=old))


@pytest.mark.parametrize(
    ("spoilt", "why"),
    [
        ("{", "Invalid JSON"),
        ("{}", "Field required"),
        (a_policy().model_dump_json().replace('"slope":1.0', '"slope":-1.0'), "greater than 0"),
        (a_policy().model_dump_json().replace('"review_at":0.2', '"review_at":0.9'), "above decline_at"),
        (a_policy().model_dump_json().replace('"review_at":0.2', '"review_at":"NaN"'), "finite number"),
    ],
)
def test_a_policy_that_cannot_be_used_is_refused_in_a_sentence(spoilt, why):
    booster = a_booster().copy()
    booster.set_attr(policy=spoilt)
    with pytest.raises(ModelError, match=rf"policy that cannot be used \(.*{why}.*\): train again"):
        fraud_model.load(a_packed_model(booster=booster))
