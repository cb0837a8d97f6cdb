"""How far back a history reaches: so many days, and so many payments."""

import numpy as np
import pytest

from pipelines.base.arrays import DAY_US
from pipelines.fraud.model.history import begin_us

# Ten payments a day on the last thirty days, and one of long ago.
DAY, PAYMENTS = np.r_[11_323, np.arange(20_000, 20_030)], np.r_[1, np.full(30, 10)]


@pytest.mark.parametrize(
    ("days", "most", "least", "first"),
    [
        (365, 1000, 1, 20_000),
        (7, 1000, 1, 20_023),
        (365, 100, 1, 20_020),
        (365, 109, 1, 20_020),
        (365, 3, 1, 20_029),
        (365, 3, 14, 20_016),
        (10_000, 1000, 1, 11_323),
    ],
)
def test_it_begins_with_the_first_whole_day_within_both_bounds(days: int, most: int, least: int, first: int) -> None:
    assert begin_us(DAY, PAYMENTS, days, most, least) == first * DAY_US
    assert begin_us(DAY[::-1], PAYMENTS[::-1], days, most, least) == first * DAY_US


def test_without_payments_it_begins_with_the_first() -> None:
    assert begin_us(DAY[:0], PAYMENTS[:0], 365, 1000, 28) == 0
