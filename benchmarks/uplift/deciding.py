"""How many sessions an experiment needs until it has decided, and how many sales that costs
meanwhile: an A/B test, team-draft interleaving and a Thompson bandit, by the product's own stopping
rule, on sessions drawn again from those that were measured.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from benchmarks.uplift.intervals import ENDS, Ranged
from benchmarks.uplift.measured_sessions import BOUGHT, MEANT_TO_BUY, POPULAR_CLICKED, SESSION_CLICKED, Table
from dashboards.pages.recommendations.statistics import always_valid, wilson
from pipelines.recommendations import bandit

HORIZON, STEP, RUNS = 200_000, 2_000, 200
SCALE_OF_RATES, SCALE_OF_WINS = 0.005, 0.05  # differences looked for, as on the page

Counts = npt.NDArray[np.int64]


class Run(NamedTuple):
    """One experiment: sessions until it decided (the horizon if it did not), whether it decided for
    the better variant, and purchases lost until the horizon against showing the better one from the
    start.
    """

    sessions: float
    right: float
    lost: float


def decided(pools: Mapping[str, Table], seed: int = 1) -> dict[str, float]:
    """Return what each way of deciding between session and popular lists takes, as metrics: medians
    over RUNS experiments and between which values 95 % of them lie.
    """
    chance = np.random.default_rng(seed)
    found = {
        "ab": [_ab(pools, chance) for _ in range(RUNS)],
        "interleaving": [_interleaving(pools, chance) for _ in range(RUNS)],
        "bandit": [_bandit(pools, chance, run) for run in range(RUNS)],
    }
    metrics: dict[str, float] = {}
    for way, runs in found.items():
        sessions, right, lost = (np.array(column) for column in zip(*runs, strict=True))
        metrics |= _range(sessions).metrics(f"{way}_sessions_to_decide", "_count")
        metrics |= _range(lost).metrics(f"{way}_purchases_lost", "_count")
        share = float(right.mean())
        metrics |= Ranged(share, *wilson(share, RUNS)).metrics(f"{way}_right", "_share")
    return metrics


def _range(values: npt.NDArray[np.float64]) -> Ranged:
    low, high = np.percentile(values, ENDS)
    return Ranged(float(np.median(values)), float(low), float(high))


def _rates(pools: Mapping[str, Table]) -> dict[str, float]:
    """Return the share of sessions that buy, with as many visitors who came to buy in each pool."""
    together = np.concatenate(list(pools.values()))
    share = float(together[:, MEANT_TO_BUY].mean())
    return {variant: share * _bought(table, 1.0) + (1 - share) * _bought(table, 0.0) for variant, table in pools.items()}


def _bought(table: Table, meant_to_buy: float) -> float:
    bought = table[table[:, MEANT_TO_BUY] == meant_to_buy, BOUGHT]
    return float(bought.mean()) if len(bought) else 0.0


def _ab(pools: Mapping[str, Table], chance: np.random.Generator) -> Run:
    """Show each list to every second visitor until their conversions may be told apart."""
    rates = _rates(pools)
    ours, rival = (chance.random(HORIZON // 2) < rates[variant] for variant in ("session", "popular"))
    each = np.arange(STEP // 2, HORIZON // 2 + 1, STEP // 2)
    looks = (
        (a / n - b / n, (a / n * (1 - a / n) + b / n * (1 - b / n)) / n)
        for a, b, n in zip(ours.cumsum()[each - 1], rival.cumsum()[each - 1], each, strict=True)
    )
    return _run(looks, SCALE_OF_RATES, rates, (rates["session"] + rates["popular"]) / 2)


def _interleaving(pools: Mapping[str, Table], chance: np.random.Generator) -> Run:
    """Show everybody lists that both teams have drafted, until visitors prefer one team's."""
    rates = _rates(pools)
    preferred = np.sign(pools["interleaved"][:, SESSION_CLICKED] - pools["interleaved"][:, POPULAR_CLICKED])
    drawn = _drawn(preferred, HORIZON, chance)
    each = np.arange(STEP, HORIZON + 1, STEP)
    won, lost = ((drawn == side).cumsum()[each - 1] for side in (1, -1))
    looks = ((w / max(w + t, 1) - 0.5, 0.25 / max(w + t, 1)) for w, t in zip(won, lost, strict=True))
    return _run(looks, SCALE_OF_WINS, rates, rates["interleaved"])


def _drawn(values: npt.NDArray[np.float64], count: int, chance: np.random.Generator) -> npt.NDArray[np.float64]:
    return values[chance.integers(0, len(values), count)]


def _run(looks: Iterator[tuple[float, float]], scale: float, rates: Mapping[str, float], meanwhile: float) -> Run:
    """Look at an estimate and its variance after every STEP sessions, decide as soon as the
    always-valid interval has left 0, and show the winner from then on.
    """
    best = max(rates["session"], rates["popular"])
    for look, (value, spread) in enumerate(looks, 1):
        low, high = always_valid(value, spread, scale)
        if low > 0 or high < 0:
            winner = rates["session" if low > 0 else "popular"]
            lost = look * STEP * (best - meanwhile) + (HORIZON - look * STEP) * (best - winner)
            return Run(look * STEP, float(winner == best), lost)
    return Run(HORIZON, 0.0, HORIZON * (best - meanwhile))


def _bandit(pools: Mapping[str, Table], chance: np.random.Generator, seed: int) -> Run:
    """Deal every STEP visitors out by how probable it is that a list is the better one; decided
    when one has all but what none may lose.
    """
    rates = np.array([_rates(pools)[variant] for variant in ("session", "popular")])
    bought, came = np.zeros(2, np.int64), np.zeros(2, np.int64)
    decided_at, lost, shares = float(HORIZON), 0.0, np.array([0.5, 0.5])
    for look in range(HORIZON // STEP):
        visitors = chance.multinomial(STEP, shares)
        bought, came = bought + chance.binomial(visitors, rates), came + visitors
        lost += float((rates.max() - rates) @ visitors)
        shares = bandit.shares(bought, came, seed * HORIZON + look, draws=1_000)
        if shares.max() > 1 - 2 * bandit.LEAST:
            decided_at = min(decided_at, (look + 1.0) * STEP)
    return Run(decided_at, float(shares.argmax() == rates.argmax()), lost)
