"""A recommender built from past sessions: the index of all of them, and what is learned on the
newest.
"""

from collections.abc import Callable

import numpy as np

from pipelines.models.arrays import Arrays
from pipelines.recommendations.model import kernel as query
from pipelines.recommendations.model import ranker
from pipelines.recommendations.model.embedding import RATE, Embedding
from pipelines.recommendations.model.index import Index, build_index
from pipelines.recommendations.model.kernel import Trees, Vectors, no_trees, no_vectors, weights_of, work_for
from pipelines.recommendations.model.options import Kernel, Options
from pipelines.recommendations.model.prefixes import Prefixes, prefixes_of
from pipelines.recommendations.model.recommender import arrays_of
from pipelines.recommendations.model.sessions import Catalogue, Sessions
from pipelines.recommendations.model.tuning import tuned

DEFAULTS = Options()
AT_ONCE = 500  # prefixes described at a time
RATE_ON_NEWEST = RATE / 3

Report = Callable[[str], None]


def build(sessions: Sessions, catalogue: Catalogue, options: Options = DEFAULTS, report: Report = lambda _: None) -> Arrays:
    """Return a recommender as arrays: what `packed_bytes` packs and `load` loads.

    Where there are sessions enough a ranker is learned on the newest of them, asked of an index of
    the older ones; with few or no sessions neighbours, pairs and trends are all there is. `report`
    is called with what was done, step by step.
    """
    kernel, trees, vectors = options.kernel, no_trees(), no_vectors()
    past = sessions.between(0, sessions.count - int(sessions.count * options.learn_share))
    newest = prefixes_of(sessions.between(past.count, sessions.count))
    if (options.learned or options.tune) and newest.count >= options.learn_at_least:
        chosen = newest.some(np.arange(newest.count)[-options.learn_at_most :])
        index = build_index(past, catalogue)
        if options.tune:
            kernel = tuned(index, _spread(chosen, options), options.candidates, report)
        embedding = _embedded(past, options, report) if options.embedding else None
        if options.learned:
            trees = learn(index, kernel, embedding.vectors() if embedding else vectors, chosen, options, report)
        if embedding:
            _train(embedding, sessions, options, options.epochs_on_newest, RATE_ON_NEWEST, report)
            vectors = embedding.vectors()
    index = build_index(sessions, catalogue)
    report(f"{sessions.count:,} sessions indexed")
    return arrays_of(index, catalogue, sessions.products, kernel, trees, vectors, options.candidates)


def _spread(prefixes: Prefixes, options: Options) -> Prefixes:
    """Return some prefixes, drawn from all over them."""
    rng = np.random.default_rng(options.seed)
    return prefixes.some(np.sort(rng.permutation(prefixes.count)[: options.tune_on]))


def _embedded(past: Sessions, options: Options, report: Report) -> Embedding:
    embedding = Embedding(len(past.products), options.seed)
    _train(embedding, past, options, options.epochs, RATE, report)
    return embedding


def _train(embedding: Embedding, sessions: Sessions, options: Options, epochs: int, rate: float, report: Report) -> None:
    prefixes = prefixes_of(sessions)
    newest = prefixes.some(np.arange(prefixes.count)[-options.embed_at_most :])
    for epoch, loss in enumerate(embedding.train(newest, epochs, rate), 1):
        report(f"embedding, epoch {epoch} of {epochs}: loss {loss:.4f}")


def learn(
    index: Index, kernel: Kernel, vectors: Vectors, prefixes: Prefixes, options: Options, report: Report = lambda _: None
) -> Trees:
    """Return the ranker that prefixes teach which an index of older sessions is asked."""
    weights, work, rng = weights_of(index, kernel), work_for(index, vectors), np.random.default_rng(options.seed)
    rows, products = ranker.room(AT_ONCE, options.candidates)
    parts = []
    for first in range(0, prefixes.count, AT_ONCE):
        some = prefixes.some(np.arange(first, min(first + AT_ONCE, prefixes.count)))
        products[:] = -1
        query.describe_all(
            index, kernel, weights, vectors, work, some.clicks, some.firsts, some.ends, options.candidates, rows, products
        )
        parts.append(ranker.sample(rows[: some.count], products[: some.count], some.targets, rng))
    examples = ranker.joined(parts)
    report(f"{len(examples.group_starts) - 1:,} of {prefixes.count:,} prefixes have their target among the candidates")
    trees = ranker.learn(examples, options)
    report(f"{len(trees.features)} trees learned from {len(examples.rows):,} candidates")
    return trees
