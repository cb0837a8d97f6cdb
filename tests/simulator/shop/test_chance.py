"""Draws have the distributions they name, and a saved state continues them."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.shop.chance import Chance, at_quantile, cumulative


def test_pick_follows_the_weights() -> None:
    chance, sums = Chance("pick"), cumulative([1, 2, 5])
    drawn = np.bincount([chance.pick(sums) for _ in range(20_000)], minlength=3) / 20_000
    assert drawn == pytest.approx([0.125, 0.25, 0.625], abs=0.015)


@given(st.lists(st.floats(0, 1e6), min_size=2, max_size=30), st.floats(0, 1))
def test_at_quantile_is_numpys_linear_quantile(values: list[float], share: float) -> None:
    ordered = sorted(values)
    assert at_quantile(ordered, share) == pytest.approx(float(np.quantile(ordered, share)), rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("mean", [1.0, 1.5, 4.0, 14.0])
def test_count_has_its_mean_and_is_at_least_one(mean: float) -> None:
    chance = Chance("count")
    drawn = [chance.count(mean) for _ in range(20_000)]
    assert min(drawn) == 1
    assert np.mean(drawn) == pytest.approx(mean, rel=0.05)


def test_wait_has_the_mean_of_a_poisson_process() -> None:
    chance = Chance("wait")
    assert np.mean([chance.wait(4.0) for _ in range(20_000)]) == pytest.approx(250_000, rel=0.04)


@given(st.integers(0, 50))
def test_saved_state_continues(drawn: int) -> None:
    chance, again = Chance("here"), Chance("elsewhere")
    for _ in range(drawn):
        chance.gauss(0, 1)
    again.resume(json.loads(json.dumps(chance.state())))
    assert [again.gauss(0, 1) for _ in range(5)] == [chance.gauss(0, 1) for _ in range(5)]
