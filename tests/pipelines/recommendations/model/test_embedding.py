"""The embedding follows its gradient, and learns where sessions head."""

import numpy as np
import pytest
from shopping import strolls

from pipelines.recommendations.model import embedding
from pipelines.recommendations.model.embedding import Embedding, newest_clicks, sampler_of
from pipelines.recommendations.model.evaluation import quality, ranks
from pipelines.recommendations.model.prefixes import Prefixes, prefixes_of
from pipelines.recommendations.model.sessions import Sessions

PARTS = ("attention", "newest", "attended", "places")


@pytest.fixture
def walks() -> Sessions:
    return strolls(300)


@pytest.fixture
def exact(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out what is random: nothing is dropped, and every product is in the sample."""
    monkeypatch.setattr(embedding, "DROPPED", 0.0)
    monkeypatch.setattr(embedding, "SAMPLED", 20_000)


def loss(trained: Embedding, prefixes: Prefixes) -> float:
    """Return the mean cross entropy over all products, written out once more."""
    unit = trained.points / np.linalg.norm(trained.points, axis=1, keepdims=True)
    total = 0.0
    for first, end, target in zip(prefixes.firsts, prefixes.ends, prefixes.targets, strict=True):
        points = unit[prefixes.clicks[first:end][::-1]]
        raw = points @ (points[0] @ trained.attention.value) + trained.places.value[: len(points)]
        attention = np.exp(raw) / np.exp(raw).sum()
        mixed = points[0] @ trained.newest.value + attention @ points @ trained.attended.value
        logits = embedding.SCALE * unit @ (mixed / np.linalg.norm(mixed))
        total += np.log(np.exp(logits).sum()) - logits[target]
    return total / prefixes.count


@pytest.mark.usefixtures("exact")
def test_the_loss_is_the_cross_entropy_over_all_products(walks: Sessions) -> None:
    trained, prefixes = Embedding(60, 1), prefixes_of(walks).some(np.arange(50))
    expected = loss(trained, prefixes)
    assert trained._step(prefixes, sampler_of(prefixes_of(walks).targets, 60), 0.0) == pytest.approx(expected, rel=1e-3)


@pytest.mark.usefixtures("exact")
@pytest.mark.parametrize("part", PARTS)
def test_the_gradient_is_how_the_loss_changes(walks: Sessions, part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    trained, prefixes = Embedding(60, 1), prefixes_of(walks).some(np.arange(50))
    gradients: list[np.ndarray] = []
    stepped = getattr(trained, part)
    monkeypatch.setattr(stepped, "step", lambda gradient, *_: gradients.append(gradient))
    trained._step(prefixes, sampler_of(prefixes_of(walks).targets, 60), 0.0)
    place = np.unravel_index(np.abs(gradients[0]).argmax(), gradients[0].shape)
    changed = []
    for move in (1e-2, -1e-2):
        stepped.value[place] += move
        changed.append(loss(trained, prefixes))
        stepped.value[place] -= move
    assert (changed[0] - changed[1]) / 2e-2 == pytest.approx(gradients[0][place], rel=0.05)


@pytest.mark.usefixtures("exact")
def test_the_gradient_of_a_point_is_how_the_loss_changes(walks: Sessions, monkeypatch: pytest.MonkeyPatch) -> None:
    trained, prefixes = Embedding(60, 1), prefixes_of(walks).some(np.arange(50))
    monkeypatch.setattr(trained, "_follow", lambda *_: None)  # the gradients stay
    trained.steps = 1
    trained._step(prefixes, sampler_of(prefixes_of(walks).targets, 60), 0.0)
    along = (trained.gradients * trained.unit).sum(axis=1, keepdims=True)
    gradients = (trained.gradients - trained.unit * along) / np.linalg.norm(trained.points, axis=1, keepdims=True)
    place = np.unravel_index(np.abs(gradients).argmax(), gradients.shape)
    changed = []
    for move in (2e-3, -2e-3):
        trained.points[place] += move
        changed.append(loss(trained, prefixes))
        trained.points[place] -= move
    assert (changed[0] - changed[1]) / 4e-3 == pytest.approx(gradients[place], rel=0.05)


def test_sampled_products_stand_for_all_of_them(walks: Sessions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding, "SAMPLED", 30)
    targets = prefixes_of(walks).targets
    sampler, rng = sampler_of(targets, 60), np.random.default_rng(1)
    drawn = [sampler.draw(rng.choice(targets, embedding.BATCH), rng) for _ in range(300)]
    share = np.bincount(np.concatenate(drawn), minlength=60) / 300
    assert share == pytest.approx(np.exp(sampler.log_chance), abs=0.1)


def test_it_learns_where_sessions_head(walks: Sessions) -> None:
    trained, prefixes = Embedding(60, 1), prefixes_of(walks)
    losses = list(trained.train(prefixes, 30))
    assert losses[-1] < 0.7 * losses[0]
    vectors = trained.vectors()
    newest = prefixes.clicks[prefixes.ends - 1]
    heading = vectors.products[newest] @ (vectors.newest + vectors.attended)
    scores = (heading @ vectors.products.T).astype(np.float32)
    products = np.tile(np.arange(60, dtype=np.int32), (prefixes.count, 1))
    assert quality(ranks(products, scores, prefixes.targets), 5).hit_rate > 0.5


def test_clicks_come_newest_first(walks: Sessions) -> None:
    prefixes = Prefixes(np.arange(30, dtype=np.int32), np.array([0, 5]), np.array([2, 30]), np.zeros(2, np.int32))
    clicked = newest_clicks(prefixes)
    assert clicked[0].tolist() == [1, 0] + [-1] * 18
    assert clicked[1].tolist() == list(range(29, 9, -1))
