"""How busy the shop is at a moment: hour of the week, Black Friday, Christmas, in Brazilian local
time.
"""

from datetime import date, timedelta
from functools import lru_cache

from simulator.shop.chance import DAY, HOUR
from simulator.shop.statistics import Statistics

UTC_OFFSET = 3 * HOUR  # Brasília is three hours behind UTC all year since 2019
EPOCH = date(1970, 1, 1)
EPOCH_WEEKDAY = 3  # 1970-01-01 was a Thursday


def black_friday(year: int) -> date:
    """Return the day after the fourth Thursday of November."""
    first = date(year, 11, 1)
    return first + timedelta(days=(3 - first.weekday()) % 7 + 22)


class Rhythm:
    """Factors of mean 1 over ordinary weeks; always 1 when `steady`."""

    def __init__(self, figures: Statistics, steady: bool) -> None:
        self._steady = steady
        self._figures = figures
        self._holiday = lru_cache(maxsize=2)(self._of_day)

    def factor(self, at: int) -> float:
        """Return how many times busier than on average the hour around `at` is."""
        if self._steady:
            return 1.0
        local = at - UTC_OFFSET
        hour = local // HOUR
        return self._figures.week[(hour + EPOCH_WEEKDAY * 24) % 168] * self._holiday(local // DAY)

    def _of_day(self, local_day: int) -> float:
        day = EPOCH + timedelta(days=local_day)
        friday, christmas = self._figures.black_friday, self._figures.christmas
        after = (day - black_friday(day.year)).days + 1
        if 0 <= after < len(friday):
            return friday[after]
        after = (day - date(day.year, 12, 25)).days + 1
        return christmas[after] if 0 <= after < len(christmas) else 1.0
