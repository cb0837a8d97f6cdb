"""The recommender in the real registry: registered with what the next one is built from, moved by
the gate, by hand, and back; what cannot serve is refused.
"""

import io
import threading
from collections.abc import Callable

import numpy as np
import pytest
from ids import NO_ID
from past_sessions import SessionsLake, a_past, rows_of

from pipelines.base.errors import ModelError
from pipelines.models import arrays
from pipelines.models.published import PublishedModels
from pipelines.models.publishing import ChampionWatch
from pipelines.models.registry import CHALLENGER, ModelRegistry
from pipelines.models.serving import Serving
from pipelines.online_store.client import Client
from pipelines.recommendations import building, promotion, training_sessions, versions
from pipelines.recommendations.building import Built, Past
from pipelines.recommendations.model import recommender
from pipelines.recommendations.model.options import Options
from pipelines.recommendations.model.recommender import FORMAT
from pipelines.recommendations.model.sessions import Catalogue, Sessions

pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore")]  # MLflow's own
OPTIONS = Options(learned=False)

Register = Callable[..., str]


@pytest.fixture(scope="module")
def registry(local_stack) -> ModelRegistry:
    return ModelRegistry(local_stack.mlflow)


def sessions_of(count: int, **changes) -> Sessions:
    return training_sessions.gathered(rows_of(a_past(count, **changes)).to_batches(), 10_000, NO_ID)


def an_index(sessions: Sessions) -> Built:
    learned, unseen = building.parts(sessions)
    return building.built(learned, unseen, Catalogue.unknown(len(learned.products)), OPTIONS)


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Past:
    return SessionsLake(tmp_path_factory.mktemp("lake")).holds(a_past(800))


@pytest.fixture(scope="module")
def index() -> Built:
    return an_index(sessions_of(800))


@pytest.fixture
def register(registry: ModelRegistry, index: Built, past: Past) -> Register:
    return lambda name, made=index: versions.register(registry, name, made, OPTIONS, past)


def test_a_version_tells_what_it_was_built_from_and_the_next_is_built_on_it(registry, register, index, past):
    name = "shelf-versions"
    assert versions.newest(registry, name) is None
    assert promotion.champion_of_todays_format(registry, name) is None
    version = register(name)
    assert promotion.champion_of_todays_format(registry, name) == version
    before = versions.newest(registry, name)
    assert before.rows == before.sessions.count == 640
    assert training_sessions.packed(before.sessions) == index.sessions
    assert versions.learned_until_us(registry, name, version) == index.learned_until_us
    assert registry.tags(name, version)["gold.sessions"] == str(past.snapshot_id)
    registry.client.delete_model_version_tag(name, version, versions.ROWS)
    assert versions.newest(registry, name) is None
    with pytest.raises(ModelError, match="no tag rows_until_then: build the index with this code"):
        versions._number(registry, name, version, versions.ROWS)


def test_a_champion_of_another_format_is_none_of_today_s(registry, index):
    name = "shelf-format"
    version = registry.register_arrays(name, index.content, {}, {}, {}, feature_set="tidemark-recommender/0")
    assert promotion.champion_of_todays_format(registry, name) is None
    with pytest.raises(ModelError, match=f"tidemark-recommender/0, and this code makes {FORMAT}"):
        promotion.set_champion(registry, name, version)


def test_the_gate_moves_the_alias_and_a_rollback_is_the_same_move(registry, register):
    name, sessions = "shelf-gate", sessions_of(800)
    first, second = register(name), register(name)
    verdict = promotion.decide(registry, name, sessions, {"gold.sessions": "43"})
    assert verdict.promoted, verdict.reasons
    assert (registry.champion_version(name), registry.version_of(name, CHALLENGER)) == (second, None)
    described = registry.client.get_model_version(name, second)
    assert {"gate": "promoted", "gate_champion": first, "gate_gold.sessions": "43"}.items() <= described.tags.items()
    run = registry.client.get_run(described.run_id).data
    for figure in (
        "challenger_hr20_pct",
        "popularity_mrr20_pct",
        "challenger_us",
        "challenger_bytes",
        "challenger_shown_count",
    ):
        assert run.metrics[f"gate_{figure}"] == verdict.figures[figure]
    assert verdict.figures["unseen_sessions_count"] == 160

    promotion.set_champion(registry, name, first)
    assert registry.champion_version(name) == first
    assert promotion.decide(registry, name, sessions, {}) is None


def test_a_worse_index_is_refused_and_the_champion_stays(registry, register):
    name = "shelf-worse"
    first, second = register(name), register(name, an_index(sessions_of(800, wander=1.0)))
    verdict = promotion.decide(registry, name, sessions_of(800), {})
    assert not verdict.promoted
    assert registry.champion_version(name) == first
    assert registry.tags(name, second)["gate_reasons"].startswith("likely worse than champion")


def test_what_is_promoted_rolled_back_or_damaged_is_followed_without_a_restart(registry, register, index, server):
    name = "shelf-followed"
    first, second = register(name), register(name)
    with Client(server.settings) as client:
        models = PublishedModels(client)
        watch = ChampionWatch(registry, models, name, recommender.load, 60, threading.Event())
        serving = Serving(recommender.load(watch.first()), recommender.load)
        followed = []
        for version in (first, second, first):
            promotion.set_champion(registry, name, version)
            watch.look()
            serving.follow(models.current_version(name), models)
            followed.append(serving.model.version)
        assert followed == [first, second, first]
        third = register(name, index._replace(content=damaged(index.content)))
        registry.promote(name, third)
        watch.look()
        assert (watch.refused, models.current_version(name)) == (third, first)


def damaged(content: bytes) -> bytes:
    """Return a whole file of plain arrays in which numbers lead out of it."""
    found = arrays.unpacked(content, "it")
    return arrays.packed({**found, "session_products": found["session_products"] + 1_000})


def pickled(content: bytes) -> bytes:
    """Return the same arrays with one that holds Python objects."""
    file = io.BytesIO()
    np.savez(file, **arrays.unpacked(content, "it"), words=np.array([{}], object))
    return file.getvalue()


def test_arrays_that_do_not_fit_together_are_refused_and_the_champion_stays(registry, register, index):
    name = "shelf-damaged"
    first, second = register(name), register(name, index._replace(content=damaged(index.content)))
    verdict = promotion.decide(registry, name, sessions_of(800), {})
    assert (verdict.promoted, registry.champion_version(name)) == (False, first)
    assert verdict.reasons[0].startswith(f"Model {name} version {second} is not a whole recommender")
    with pytest.raises(ModelError, match="is not a whole recommender"):
        promotion.set_champion(registry, name, second)


def test_pickled_objects_are_not_even_registered(registry, index):
    with pytest.raises(ModelError, match=r"is not a whole \.npz file of plain arrays"):
        registry.register_arrays("shelf-pickled", pickled(index.content), {}, {}, {}, feature_set=FORMAT)


def test_a_new_version_is_taken_up_at_once_only_where_that_is_wished_or_nothing_serves(registry, register):
    name = "shelf-take-up"
    first, second = register(name), register(name)
    promotion.take_up(registry, name, second, at_once=False)
    assert registry.champion_version(name) == first
    registry.client.set_model_version_tag(name, first, "sha256", "0" * 64)
    promotion.take_up(registry, name, second, at_once=False)
    assert registry.champion_version(name) == second
    third = register(name)
    promotion.take_up(registry, name, third, at_once=True)
    assert registry.champion_version(name) == third
