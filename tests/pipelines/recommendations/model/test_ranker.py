"""The trees of a ranker travel as arrays, and give what XGBoost gives."""

import numpy as np
import pytest
import xgboost
from shopping import strolls

from pipelines.recommendations.model import kernel, ranker
from pipelines.recommendations.model.building import build
from pipelines.recommendations.model.evaluation import quality, ranks
from pipelines.recommendations.model.index import build_index
from pipelines.recommendations.model.kernel import FEATURES, Trees, no_vectors, work_for
from pipelines.recommendations.model.options import Options
from pipelines.recommendations.model.prefixes import prefixes_of
from pipelines.recommendations.model.recommender import Model
from pipelines.recommendations.model.sessions import Catalogue

SMALL = Options(learn_at_least=50, learn_share=0.3, trees=20, depth=4)


@pytest.fixture
def rows() -> np.ndarray:
    return np.random.default_rng(1).random((200, FEATURES), np.float32)


def margins(trees: Trees, rows: np.ndarray) -> np.ndarray:
    work = work_for(build_index(strolls(3), Catalogue.unknown(60)), no_vectors())
    work.rows[: len(rows)] = rows
    kernel.judge(trees, work, len(rows))
    return work.margins[: len(rows)].copy()


@pytest.mark.parametrize("depth", [1, 4, 6])
def test_trees_give_what_xgboost_gives(rows: np.ndarray, depth: int) -> None:
    target = (rows[:, 3] > 0.5) + rows[:, 7] * rows[:, 40]
    booster = xgboost.train({"max_depth": depth, "base_score": 0.0}, xgboost.DMatrix(rows, target), 15)
    expected = booster.predict(xgboost.DMatrix(rows), output_margin=True)
    np.testing.assert_allclose(margins(ranker.trees_of(booster, depth), rows), expected, rtol=1e-4, atol=1e-5)


def test_far_candidates_are_sampled_and_stand_for_the_others() -> None:
    rows = np.zeros((50, 100, FEATURES), np.float32)
    rows[:, :, ranker.ROUGH_PLACE] = np.arange(100)
    products = np.tile(np.arange(100, dtype=np.int32), (50, 1))
    examples = ranker.sample(rows, products, np.full(50, 70, np.int32), np.random.default_rng(1))
    assert examples.came_next.sum() == 50
    assert examples.weights.sum() == pytest.approx(50 * 100, rel=0.05)
    assert len(examples.rows) < 50 * 65


def test_a_prefix_whose_target_is_no_candidate_teaches_nothing() -> None:
    rows, products = np.zeros((2, 3, FEATURES), np.float32), np.array([[0, 1, 2], [0, 1, -1]], np.int32)
    examples = ranker.sample(rows, products, np.array([9, 1], np.int32), np.random.default_rng(1))
    assert examples.group_starts.tolist() == [0, 2]
    assert examples.came_next.tolist() == [0, 1]


def test_what_is_learned_beats_the_rough_order() -> None:
    sessions = strolls(1200)
    train, test = sessions.between(0, 1000), prefixes_of(sessions.between(1000, 1200))
    catalogue = Catalogue.unknown(60)
    found = {
        learned: quality(ranks(*Model("m", "1", build(train, catalogue, options)).rank(test, 20), test.targets), 5)
        for learned, options in ((False, SMALL.model_copy(update={"learned": False})), (True, SMALL))
    }
    assert found[True].reciprocal_rank > found[False].reciprocal_rank
