"""The baselines are what their names say."""

import numpy as np
import pytest
from shopping import sessions_of

from benchmarks.next_item_sets import baselines
from pipelines.recommendations.model.prefixes import Prefixes

TRAIN = sessions_of([[0, 1], [0, 1, 1], [0, 2], [3]], 4)
TEST = Prefixes(np.array([2, 0, 3], np.int32), np.array([0, 2, 3]), np.array([2, 3, 3]), np.zeros(3, np.int32))


def test_item_knn_is_the_shrunk_cosine_of_sessions() -> None:
    products, scores = baselines.item_knn(TRAIN, TEST, 3)
    assert products[0].tolist() == [1, 2, -1]
    shrunk = baselines.SHRINKAGE
    assert scores[0, :2] == pytest.approx([2 / np.sqrt((3 + shrunk) * (2 + shrunk)), 1 / np.sqrt((3 + shrunk) * (1 + shrunk))])
    assert products[1].tolist() == [-1, -1, -1]  # item 3 was alone
    assert products[2].tolist() == [-1, -1, -1]  # no known item


def test_popularity_is_the_same_for_all() -> None:
    products, scores = baselines.popularity(TRAIN, TEST, 2)
    assert products.tolist() == [[3, 0]] * 3  # of the newest session
    assert scores[0, 0] > scores[0, 1]
