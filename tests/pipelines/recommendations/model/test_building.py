"""A recommender of many sessions learns, one of few does without."""

import numpy as np
import pytest
from shopping import loaded, sessions_of, strolls

from pipelines.recommendations.model import embedding
from pipelines.recommendations.model.building import build
from pipelines.recommendations.model.evaluation import quality, ranks
from pipelines.recommendations.model.options import Kernel, Options
from pipelines.recommendations.model.prefixes import prefixes_of
from pipelines.recommendations.model.sessions import Catalogue

LEARNED = Options(learn_at_least=50, learn_share=0.3, trees=10, depth=3, tune_on=100, epochs=2, epochs_on_newest=1)
UNKNOWN = Catalogue.unknown(60)


def test_few_sessions_teach_nothing() -> None:
    assert not len(build(strolls(20), UNKNOWN)["tree_leaves"])


def test_no_sessions_are_an_empty_recommender() -> None:
    assert loaded(build(sessions_of([]), Catalogue.unknown(0))).products == []


def test_the_ranker_never_sees_what_it_is_tested_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """The index that is asked while it learns ends where its prefixes begin."""
    from pipelines.recommendations.model import building

    indexed = []
    whole = building.build_index
    monkeypatch.setattr(building, "build_index", lambda past, *rest: indexed.append(past.count) or whole(past, *rest))
    build(strolls(200), UNKNOWN, LEARNED)
    assert indexed == [140, 200]


def test_numbers_are_tuned_trees_and_vectors_learned_and_all_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding, "WIDTH", 8)
    sessions, steps = strolls(400), []
    arrays = build(sessions, UNKNOWN, LEARNED.model_copy(update={"tune": True, "embedding": True}), steps.append)
    assert tuple(arrays["kernel"]) != tuple(Kernel())
    assert arrays["tree_leaves"].shape == (10, 8)
    assert arrays["vector_products"].shape == (60, 8)
    assert sum("epoch" in step for step in steps) == 3
    test = prefixes_of(sessions.between(350, 400))
    products, scores = loaded(arrays).rank(test, 20)
    assert (products >= 0).all()
    assert np.isfinite(scores).all()
    assert quality(ranks(products, scores, test.targets)).hit_rate > 0.5
