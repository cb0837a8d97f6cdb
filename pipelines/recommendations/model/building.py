"""A recommender built from past sessions: the index of all of them, and what is learned on the
newest.
"""

import numpy as np

from pipelines.recommendations.model import kernel as query
from pipelines.recommendations.model import ranker
from pipelines.recommendations.model.index import Index, build_index
from pipelines.recommendations.model.kernel import Trees, Vectors, no_trees, no_vectors, weights_of, work_for
from pipelines.recommendations.model.options import Kernel, Options
from pipelines.recommendations.model.prefixes import Prefixes, prefixes_of
from pipelines.recommendations.model.recommender import Arrays, arrays_of
from pipelines.recommendations.model.sessions import Catalogue, Sessions

DEFAULTS = Options()
AT_ONCE = 500  # prefixes described at a time


def build(sessions: Sessions, catalogue: Catalogue, options: Options = DEFAULTS) -> Arrays:
    """Return a recommender as arrays: what `packed_bytes` packs and `load` loads.

    Where there are sessions enough a ranker is learned on the newest of them, asked of an index of
    the older ones; with few or no sessions neighbours, pairs and trends are all there is.
    """
    kernel, trees, vectors = Kernel(), no_trees(), no_vectors()
    past = sessions.between(0, sessions.count - int(sessions.count * options.learn_share))
    newest = prefixes_of(sessions.between(past.count, sessions.count))
    if options.learned and newest.count >= options.learn_at_least:
        rng = np.random.default_rng(options.seed)
        chosen = newest.some(np.arange(newest.count)[-options.learn_at_most :])
        trees = learn(build_index(past, catalogue), kernel, vectors, chosen, options, rng)
    index = build_index(sessions, catalogue)
    return arrays_of(index, catalogue, sessions.products, kernel, trees, vectors, options.candidates)


def learn(
    index: Index, kernel: Kernel, vectors: Vectors, prefixes: Prefixes, options: Options, rng: np.random.Generator
) -> Trees:
    """Return the ranker that prefixes teach which an index of older sessions is asked."""
    weights, work = weights_of(index, kernel), work_for(index, vectors)
    rows, products = ranker.room(AT_ONCE, options.candidates)
    parts = []
    for first in range(0, prefixes.count, AT_ONCE):
        some = prefixes.some(np.arange(first, min(first + AT_ONCE, prefixes.count)))
        products[:] = -1
        query.describe_all(
            index, kernel, weights, vectors, work, some.clicks, some.firsts, some.ends, options.candidates, rows, products
        )
        parts.append(ranker.sample(rows[: some.count], products[: some.count], some.targets, rng))
    return ranker.learn(ranker.joined(parts), options)
