"""Calibrated probabilities say what happens, in the order of the margins, and nonsense is
refused.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.base.errors import ModelError
from pipelines.fraud.model import fraud_model
from pipelines.fraud.model.calibration import calibrated, calibration_error
from pipelines.fraud.model.policy import Calibration

RANDOM = np.random.default_rng(3)


def test_the_curve_that_made_the_labels_is_found():
    margin = RANDOM.normal(size=50_000)
    happens = RANDOM.random(50_000) < 1 / (1 + np.exp(-(0.5 * margin - 2)))
    found = calibrated(margin, happens)
    assert (found.slope, found.intercept) == (pytest.approx(0.5, abs=0.05), pytest.approx(-2, abs=0.05))


def test_a_clean_cut_makes_nobody_certain():
    margin = np.r_[np.full(20, -1.0), np.full(5, 1.0)].astype(np.float32)
    low, high = fraud_model.probabilities(margin[[0, -1]], calibrated(margin, margin > 0))
    assert 0.02 < low < 0.2 < 0.75 < high < 0.98


def test_a_few_labels_move_the_curve_less_than_many():
    slopes = [calibrated(np.tile(np.linspace(-3, 3, 20), n), np.tile([False] * 10 + [True] * 10, n)).slope for n in (1, 10)]
    assert 1 < slopes[0] < slopes[1]


def test_a_model_that_is_wrong_is_refused():
    margin = np.linspace(-1, 1, 100)
    with pytest.raises(ModelError, match="no better than chance"):
        calibrated(margin, margin < 0)


@given(
    st.lists(st.floats(-9, 9, width=32), min_size=2),
    st.builds(Calibration, slope=st.floats(0.1, 3), intercept=st.floats(-3, 3)),
)
def test_calibration_never_changes_the_order(margins, calibration):
    margin = np.sort(np.array(margins, np.float32))
    probability = fraud_model.probabilities(margin, calibration)
    assert (np.diff(probability) >= 0).all()
    assert ((probability > 0) & (probability <= 1)).all()


def test_the_error_is_what_probabilities_miss_by():
    happens = np.arange(1000) % 10 == 0
    assert calibration_error(np.full(1000, 0.1), happens) == pytest.approx(0, abs=0.01)
    assert calibration_error(np.full(1000, 0.4), happens) == pytest.approx(0.3, abs=0.01)
