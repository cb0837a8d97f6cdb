"""The learned ranker: boosted trees that put the candidates after a prefix in order.

XGBoost grows the trees on the newest prefixes of the training sessions, each asked of an index of
older sessions only. The loss is the cross entropy of the product that came next over the candidates
(ListNet with one relevant document: Cao et al., Learning to Rank, ICML 2007), of which the far ones
are sampled and weighed. The trees travel as arrays of complete trees, so that what serves needs no
XGBoost and nothing in them can lead outside of them.
"""

import json
from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt
import xgboost

from pipelines.base.arrays import Floats, Integers
from pipelines.recommendations.model.kernel import FEATURES, LARGEST, Trees
from pipelines.recommendations.model.options import Options

NEAR, FAR_SAMPLE = 30, 15  # candidates by the rough order that are all learned from; sampled beyond
ROUGH_PLACE = 42  # the feature that is the place in the rough order
BINS = 256
PARAMETERS = {
    "tree_method": "hist",
    "max_bin": BINS,
    "eta": 0.12,
    "min_child_weight": 3,
    "lambda": 2.0,
    "subsample": 0.8,
    "colsample_bynode": 0.6,
    "base_score": 0.0,
}

compiled = numba.njit(cache=True, nogil=True, error_model="numpy")


class Examples(NamedTuple):
    """Candidates of many prefixes one after the other, those of prefix i in places group_starts[i]
    to group_starts[i + 1].
    """

    rows: Floats  # (n, FEATURES)
    came_next: Floats  # (n) 1 or 0
    weights: Floats  # (n) how many candidates each stands for
    group_starts: Integers


def sample(rows: Floats, products: npt.NDArray[np.int32], targets: npt.NDArray[np.int32], rng: np.random.Generator) -> Examples:
    """Return what is learned of the candidates (n, c; -1 for none) of n prefixes: those whose
    target is among them, with all near candidates and some far ones.
    """
    hit = products == targets[:, None]
    found = hit.any(axis=1)
    rows, hit, listed = rows[found], hit[found], products[found] >= 0
    near = rows[:, :, ROUGH_PLACE] < NEAR
    far = np.maximum((listed & ~near).sum(axis=1, keepdims=True), 1)
    share = np.minimum(FAR_SAMPLE / far, 1.0)
    chosen = listed & (hit | near | (rng.random(hit.shape) < share))
    weights = np.where(near | hit, 1.0, 1 / share)
    return Examples(
        rows[chosen], hit[chosen].astype(np.float32), weights[chosen].astype(np.float32), _starts(chosen.sum(axis=1))
    )


def joined(parts: list[Examples]) -> Examples:
    """Return all the parts' examples."""
    if not parts:
        return Examples(
            np.zeros((0, FEATURES), np.float32), np.zeros(0, np.float32), np.zeros(0, np.float32), np.zeros(1, np.int64)
        )
    counts = np.concatenate([np.diff(part.group_starts) for part in parts])
    rows, came_next, weights = (np.concatenate([part[field] for part in parts]) for field in range(3))
    return Examples(rows, came_next, weights, _starts(counts))


def _starts(counts: Integers) -> Integers:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)])


@compiled
def _gradients(margins, came_next, weights, starts, gradients, curvatures):  # type: ignore[no-untyped-def]
    for group in range(len(starts) - 1):
        largest, total = -np.inf, 0.0
        for i in range(starts[group], starts[group + 1]):
            largest = max(largest, margins[i])
        for i in range(starts[group], starts[group + 1]):
            total += weights[i] * np.exp(margins[i] - largest)
        for i in range(starts[group], starts[group + 1]):
            share = weights[i] * np.exp(margins[i] - largest) / total
            gradients[i] = share - came_next[i]
            curvatures[i] = max(share * (1.0 - share), 1e-6)


def learn(examples: Examples, options: Options) -> Trees:
    """Return trees that give the higher margins to what came next."""
    data = xgboost.QuantileDMatrix(examples.rows, examples.came_next, max_bin=BINS)
    gradients, curvatures = np.zeros_like(examples.came_next), np.zeros_like(examples.came_next)

    def objective(margins: Floats, _: xgboost.DMatrix) -> tuple[Floats, Floats]:
        _gradients(margins, examples.came_next, examples.weights, examples.group_starts, gradients, curvatures)
        return gradients, curvatures

    parameters = {**PARAMETERS, "max_depth": options.depth, "seed": options.seed}
    booster = xgboost.train(parameters, data, options.trees, obj=objective)
    return trees_of(booster, options.depth)


def trees_of(booster: xgboost.Booster, depth: int) -> Trees:
    """Return the trees of a booster, none deeper than `depth`, as complete trees of that depth."""
    grown = json.loads(bytes(booster.save_raw("json")))["learner"]["gradient_booster"]["model"]["trees"]
    inner = 2**depth - 1
    trees = Trees(
        np.zeros((len(grown), inner), np.uint8),
        np.full((len(grown), inner), np.inf, np.float32),
        np.zeros((len(grown), inner + 1), np.float32),
    )
    for place, tree in enumerate(grown):
        _copy(tree, 0, trees, place, 0)
    return trees


def _copy(tree: dict[str, Any], node: int, trees: Trees, place: int, position: int) -> None:
    """Copy what hangs below a node to a position; a leaf above the lowest level goes left only."""
    inner = trees.features.shape[1]
    left, condition = tree["left_children"][node], np.float32(tree["split_conditions"][node])
    if position >= inner:
        trees.leaves[place, position - inner] = condition
    elif left < 0:
        _copy(tree, node, trees, place, 2 * position + 1)
    else:
        trees.features[place, position], trees.thresholds[place, position] = tree["split_indices"][node], condition
        _copy(tree, left, trees, place, 2 * position + 1)
        _copy(tree, tree["right_children"][node], trees, place, 2 * position + 2)


def room(prefixes: int, candidates: int) -> tuple[Floats, npt.NDArray[np.int32]]:
    """Return rows and products to describe the candidates of some prefixes in."""
    most = min(candidates + 60, LARGEST)
    return np.zeros((prefixes, most, FEATURES), np.float32), np.full((prefixes, most), -1, np.int32)
