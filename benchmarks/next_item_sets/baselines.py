"""What a recommender has to beat: popular items, and items that share sessions with the newest
one.
"""

import numpy as np
import numpy.typing as npt
from scipy import sparse

from pipelines.base.arrays import Floats
from pipelines.recommendations.model.prefixes import Prefixes
from pipelines.recommendations.model.sessions import Numbered, Sessions

SHRINKAGE = 20.0  # as in the published item-KNN (Hidasi et al., ICLR 2016)
NEWEST_SHARE = 0.05

Ranked = tuple[Numbered, Floats]


def popularity(train: Sessions, test: Prefixes, count: int) -> Ranked:
    """Return the same items for all: those clicked most in the newest sessions."""
    newest = train.items[train.offsets[int(train.count * (1 - NEWEST_SHARE))] :]
    clicks = np.bincount(newest, minlength=len(train.products))
    best = np.argsort(-clicks, kind="stable")[:count].astype(np.int32)
    return np.tile(best, (test.count, 1)), np.tile(clicks[best].astype(np.float32), (test.count, 1))


def item_knn(train: Sessions, test: Prefixes, count: int) -> Ranked:
    """Return the items whose sessions are most like those of the newest item of each prefix, by
    their shrunk cosine; nothing for a prefix without a known item.
    """
    return _nearest(_similarity(train), test, count)


def _similarity(train: Sessions) -> sparse.csr_array:
    sessions = np.repeat(np.arange(train.count), np.diff(train.offsets))
    shape = (train.count, len(train.products))
    holds = sparse.csr_array((np.ones(len(sessions), np.float32), (sessions, train.items)), shape=shape)
    holds.data[:] = 1  # an item twice in a session is in it
    shared = sparse.csr_array(holds.T @ holds)
    scale = sparse.diags_array(1 / np.sqrt(shared.diagonal() + SHRINKAGE))
    similarity = sparse.csr_array(scale @ shared @ scale)
    similarity.setdiag(0)
    similarity.eliminate_zeros()
    return similarity


def _nearest(similarity: sparse.csr_array, test: Prefixes, count: int) -> Ranked:
    products = np.full((test.count, count), -1, np.int32)
    scores = np.full((test.count, count), -np.inf, np.float32)
    newest = np.where(test.ends > test.firsts, test.clicks[np.maximum(test.ends - 1, 0)], -1)
    for item in np.unique(newest[newest >= 0]):
        row = slice(similarity.indptr[item], similarity.indptr[item + 1])
        others, values = similarity.indices[row], similarity.data[row]
        best = np.argsort(-values, kind="stable")[:count]
        asking: npt.NDArray[np.bool_] = newest == item
        products[asking, : len(best)] = others[best]
        scores[asking, : len(best)] = values[best]
    return products, scores
