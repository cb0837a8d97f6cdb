"""Seeded chance: every draw of the shop comes from one generator, whose state goes into the
snapshot.
"""

import math
from bisect import bisect
from collections.abc import Sequence
from itertools import accumulate
from random import Random
from typing import Any

DAY = 86_400_000_000  # microseconds
HOUR = DAY // 24
MINUTE = HOUR // 60
SECOND = 1_000_000


def cumulative(weights: Sequence[float]) -> list[float]:
    """Return running sums of `weights`, as `Chance.pick` wants them."""
    return list(accumulate(weights))


class Chance:
    """Draws used everywhere: plain random numbers and a few shapes on top of them."""

    def __init__(self, seed: str) -> None:
        self._random = Random(seed)  # noqa: S311 - a simulation, not a secret
        self.random = self._random.random
        self.gauss = self._random.gauss

    def pick(self, sums: Sequence[float]) -> int:
        """Return an index with the odds of the weights behind the running `sums`."""
        return bisect(sums, self.random() * sums[-1], 0, len(sums) - 1)

    def quantile(self, quantiles: Sequence[float]) -> float:
        """Return a value of the distribution with these evenly spaced quantiles."""
        return at_quantile(quantiles, self.random())

    def below(self, count: int) -> int:
        """Return a whole number from 0 to `count` - 1."""
        return int(self.random() * count)

    def between(self, low: float, high: float) -> float:
        """Return a number from `low` to `high`, all equally likely."""
        return low + (high - low) * self.random()

    def wait(self, per_second: float) -> int:
        """Return microseconds until the next of events that come `per_second` on average (a Poisson
        process).
        """
        return int(-math.log(1.0 - self.random()) / per_second * SECOND)

    def spread(self, median: float, sigma: float) -> float:
        """Return a lognormal number with this median and this deviation of its logarithm."""
        return median * math.exp(self.gauss(0.0, sigma))

    def count(self, mean: float) -> int:
        """Return a geometric number ≥ 1 with this mean."""
        return 1 if mean <= 1 else 1 + int(math.log(1.0 - self.random()) / math.log(1.0 - 1.0 / mean))

    def state(self) -> list[Any]:
        """Return the generator's state as JSON can hold it."""
        version, numbers, spare = self._random.getstate()
        return [version, list(numbers), spare]

    def resume(self, state: list[Any]) -> None:
        """Go on from a saved `state`."""
        version, numbers, spare = state
        self._random.setstate((version, tuple(numbers), spare))


def at_quantile(quantiles: Sequence[float], share: float) -> float:
    """Return the value below which `share` of the distribution lies, linear between the evenly
    spaced quantiles.
    """
    place = share * (len(quantiles) - 1)
    index = int(place)
    if index >= len(quantiles) - 1:
        return quantiles[-1]
    low = quantiles[index]
    return low + (quantiles[index + 1] - low) * (place - index)
