"""Figures of variants over seeds, with the interval that seeds and sessions leave: the bootstrap of
both, as visitors of one shop are alike in what it sells.

Visitors who came to buy and those who did not are drawn apart, and weighed by how many of either
came in all variants together: who comes does not depend on what is shown, so that its chance falls
out of every comparison. A. Davison, D. Hinkley, Bootstrap Methods and their Application, 1997,
section 3.8; W. Cochran, Sampling Techniques, 1977, section 5A.9.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from benchmarks.uplift.measured_sessions import MEANT_TO_BUY, Table

DRAWS = 1_000
ENDS = (2.5, 97.5)

Means = Mapping[str, Table]  # by variant, one row of means per draw, or one row
Figure = Callable[[Means], npt.NDArray[np.float64]]


class Ranged(NamedTuple):
    """A figure and the ends of its 95 % interval."""

    value: float
    low: float
    high: float

    def metrics(self, name: str, unit: str, circumstance: str = "") -> dict[str, float]:
        """Return the three as metrics of a receipt."""
        ends = {"": self.value, "_low": self.low, "_high": self.high}
        return {f"{name}{end}{unit}{circumstance}": value for end, value in ends.items()}


class Resampled:
    """Means of every column by variant: as measured, and drawn again DRAWS times."""

    def __init__(self, tables: Mapping[str, Sequence[Table]], seed: int = 1) -> None:
        """`tables` has, by variant, a table of sessions (n, COLUMNS) for each seed, in the same
        order of seeds.
        """
        chance = np.random.default_rng(seed)
        shops = [dict(zip(tables, shop, strict=True)) for shop in zip(*tables.values(), strict=True)]
        measured, drawn = zip(*(_of_shop(shop, chance) for shop in shops), strict=True)
        chosen = chance.integers(0, len(shops), (DRAWS, len(shops)))
        draws = np.arange(DRAWS)[:, None]
        self._means = {variant: np.mean([shop[variant] for shop in measured], axis=0)[None, :] for variant in tables}
        self._drawn = {variant: np.stack([shop[variant] for shop in drawn])[chosen, draws].mean(axis=1) for variant in tables}

    def ranged(self, figure: Figure) -> Ranged:
        """Return a figure of the means, with its interval."""
        low, high = np.percentile(figure(self._drawn), ENDS)
        return Ranged(float(figure(self._means)[0]), float(low), float(high))


def _of_shop(tables: Mapping[str, Table], chance: np.random.Generator) -> tuple[dict[str, Table], dict[str, Table]]:
    """Return by variant the means (COLUMNS) of one shop, and the means (DRAWS, COLUMNS) of as many
    sessions drawn with replacement.
    """
    came = sum(len(table) for table in tables.values())
    share = sum(float(table[:, MEANT_TO_BUY].sum()) for table in tables.values()) / came
    shares = chance.binomial(came, share, DRAWS)[:, None] / came
    measured, drawn = {}, {}
    for variant, table in tables.items():
        to_buy, to_look = table[table[:, MEANT_TO_BUY] > 0], table[table[:, MEANT_TO_BUY] == 0]
        measured[variant] = share * _mean(to_buy) + (1 - share) * _mean(to_look)
        drawn[variant] = shares * _again(to_buy, chance) + (1 - shares) * _again(to_look, chance)
    return measured, drawn


def _mean(table: Table) -> Table:
    return table.mean(axis=0) if len(table) else np.zeros(table.shape[1])


def _again(table: Table, chance: np.random.Generator) -> Table:
    """Return means (DRAWS, COLUMNS) of as many sessions drawn with replacement."""
    return np.stack([_mean(table[chance.integers(0, max(len(table), 1), len(table))]) for _ in range(DRAWS)])
