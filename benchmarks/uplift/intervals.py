"""Figures of variants over seeds, with the interval that seeds and sessions leave: the bootstrap of
both, as visitors of one shop are alike in what it sells.

A. Davison, D. Hinkley, Bootstrap Methods and their Application, 1997, section 3.8.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from benchmarks.uplift.measured_sessions import Table

DRAWS = 2_000
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
        """`tables` has, by variant, a table of sessions (n, columns) for each seed, in the same
        order of seeds.
        """
        chance = np.random.default_rng(seed)
        seeds = len(next(iter(tables.values())))
        chosen = chance.integers(0, seeds, (DRAWS, seeds))
        self._means = {variant: np.mean([table.mean(axis=0) for table in of], axis=0) for variant, of in tables.items()}
        self._drawn = {
            variant: _of_seeds(np.stack([_again(table, chance) for table in of]), chosen) for variant, of in tables.items()
        }

    def ranged(self, figure: Figure) -> Ranged:
        """Return a figure of the means, with its interval."""
        value = figure({variant: means[None, :] for variant, means in self._means.items()})
        low, high = np.percentile(figure(self._drawn), ENDS)
        return Ranged(float(value[0]), float(low), float(high))


def _again(table: Table, chance: np.random.Generator) -> Table:
    """Return means (DRAWS, columns) of as many sessions drawn with replacement."""
    return np.stack([table[chance.integers(0, len(table), len(table))].mean(axis=0) for _ in range(DRAWS)])


def _of_seeds(drawn: npt.NDArray[np.float64], chosen: npt.NDArray[np.int64]) -> Table:
    """Return the mean (DRAWS, columns) over the chosen seeds (DRAWS, seeds) of what was drawn for
    each (seeds, DRAWS, columns).
    """
    draws = np.arange(DRAWS)[:, None]
    return np.asarray(drawn[chosen, draws].mean(axis=1))
