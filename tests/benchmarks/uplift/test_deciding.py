"""Experiments on sessions whose truth is known."""

import numpy as np
import pytest

from benchmarks.uplift import deciding
from benchmarks.uplift.measured_sessions import BOUGHT, COLUMNS, POPULAR_CLICKED, SESSION_CLICKED, Table


@pytest.fixture(autouse=True)
def _fewer_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deciding, "RUNS", 40)


def pools(ours: float, rival: float, preferred: float) -> dict[str, Table]:
    """Return sessions of which these shares buy, and of the interleaved ones prefer our list."""
    made = {
        "session": np.zeros((10_000, COLUMNS)),
        "popular": np.zeros((10_000, COLUMNS)),
        "interleaved": np.zeros((10_000, COLUMNS)),
    }
    for variant, rate in (("session", ours), ("popular", rival), ("interleaved", (ours + rival) / 2)):
        made[variant][: int(rate * 10_000), BOUGHT] = 1
    clicked = made["interleaved"][:2_000]
    clicked[: int(preferred * 2_000), SESSION_CLICKED] = 1
    clicked[int(preferred * 2_000) :, POPULAR_CLICKED] = 1
    return made


def test_what_is_much_better_is_found_soon_and_by_interleaving_soonest() -> None:
    found = deciding.decided(pools(0.10, 0.07, 0.8))
    assert found["ab_right_share"] == found["interleaving_right_share"] == found["bandit_right_share"] == 1.0
    assert found["interleaving_sessions_to_decide_count"] <= found["ab_sessions_to_decide_count"] < deciding.HORIZON / 4
    assert found["bandit_purchases_lost_count"] > 0
    assert found["ab_purchases_lost_low_count"] <= found["ab_purchases_lost_count"] <= found["ab_purchases_lost_high_count"]


def test_of_lists_that_sell_alike_hardly_ever_one_is_declared_the_winner() -> None:
    alike = pools(0.07, 0.07, 0.5)
    chance = np.random.default_rng(3)
    for way in (deciding._ab, deciding._interleaving):
        wrong = sum(way(alike, chance).sessions < deciding.HORIZON for _ in range(40))
        assert wrong <= 5


def test_a_bandit_loses_less_than_a_test_that_never_decides() -> None:
    close = pools(0.0735, 0.07, 0.5)
    chance = np.random.default_rng(4)
    bandit = np.mean([deciding._bandit(close, chance, run).lost for run in range(10)])
    undecided = deciding.HORIZON * 0.0035 / 2
    assert bandit < undecided
