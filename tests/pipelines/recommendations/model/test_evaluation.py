"""Ranks count ties against a list, and what is not listed is missed."""

import numpy as np
import pytest

from pipelines.recommendations.model.evaluation import MISSED, breadth, quality, ranks

PRODUCTS = np.array([[4, 5, 6, -1]] * 4, np.int32)


@pytest.mark.parametrize(
    ("scores", "target", "rank"),
    [
        ([3, 2, 1, -9], 4, 1),
        ([3, 2, 1, -9], 6, 3),
        ([3, 3, 1, -9], 4, 2),  # a tie counts against the list, whichever comes first
        ([3, 3, 1, -9], 5, 2),
        ([3, 3, 3, -9], 4, 3),
        ([3, 2, 1, 9], 4, 1),  # an unused place is before nothing
        ([3, 2, 1, -9], 7, MISSED),
        ([3, 2, 1, -9], -1, MISSED),  # unseen in training, as an unused place is -1 too
    ],
)
def test_the_rank_of_a_target(scores: list[float], target: int, rank: int) -> None:
    assert ranks(PRODUCTS[:1], np.array([scores], np.float32), np.array([target], np.int32)).tolist() == [rank]


def test_hits_count_up_to_the_top_only() -> None:
    found = quality(np.array([1, 2, 20, 21, MISSED]))
    assert found.hit_rate == pytest.approx(3 / 5)
    assert found.reciprocal_rank == pytest.approx((1 + 1 / 2 + 1 / 20) / 5)
    assert quality(np.zeros(0, np.int64)) == (0, 0)


def test_lists_that_are_all_the_same_are_not_diverse() -> None:
    popularity = np.array([5.0, 4, 3, 2, 1, 0])
    same = breadth(np.tile(np.array([0, 1], np.int32), (10, 1)), popularity)
    assert same.diversity == 0
    assert same.coverage == pytest.approx(2 / 6)
    assert same.popularity == pytest.approx(0.9)
    different = breadth(np.array([[0, 1], [2, 3], [4, 5]], np.int32), popularity)
    assert (different.diversity, different.coverage) == (1, 1)
    assert different.popularity == pytest.approx(0.5)
