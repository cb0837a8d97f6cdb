"""An item embedding, trained on the CPU with NumPy: where a session is heading among the products.

Products are points on a sphere, and a session heads for a mix of its newest product and of all its
products, weighed by attention that the newest one pays (STAMP: Liu et al., KDD 2018). The cosine
with every product, times SCALE, is a softmax (NISER: Gupta et al., 2019), whose sum over the
catalogue is estimated from sampled products, each weighed by one over its chance to be in the
sample. Gradients are written out by hand, and followed by Adam.
"""

from collections.abc import Iterator
from typing import NamedTuple, cast

import numba
import numpy as np
import numpy.typing as npt

from pipelines.base.arrays import Floats, Integers
from pipelines.recommendations.model.kernel import QUERY, Vectors
from pipelines.recommendations.model.prefixes import Prefixes
from pipelines.recommendations.model.sessions import Numbered

WIDTH, BATCH, SAMPLED = 64, 512, 4096
SCALE, DROPPED = 15.0, 0.2
RATE, MOMENTUM, VARIANCE, TINY = 0.003, 0.9, 0.99, 1e-8
HIDDEN = np.float32(-1e9)  # attention to places without a click

compiled = numba.njit(cache=True, nogil=True, error_model="numpy")


class Adam:
    """One array and its running means (Kingma and Ba, ICLR 2015)."""

    def __init__(self, value: Floats) -> None:
        self.value, self.mean, self.square = value, np.zeros_like(value), np.zeros_like(value)

    def step(self, gradient: Floats, rate: float, count: int) -> None:
        """Follow a gradient; `count` steps were made with this one."""
        self.mean += (1 - MOMENTUM) * (gradient - self.mean)
        self.square += (1 - VARIANCE) * (gradient * gradient - self.square)
        self.value -= rate * _correction(count) * self.mean / (np.sqrt(self.square) + TINY)


def _correction(count: int) -> float:
    return float(np.sqrt(1 - VARIANCE**count) / (1 - MOMENTUM**count))


@compiled
def _step_rows(rows, points, gradients, mean, square, unit, rate, momentum, variance, tiny):  # type: ignore[no-untyped-def]
    """Follow the gradients at some points on the sphere, and empty them."""
    width = points.shape[1]
    for i in range(len(rows)):
        row = rows[i]
        length, along = 0.0, 0.0
        for j in range(width):
            length += points[row, j] * points[row, j]
            along += gradients[row, j] * unit[row, j]
        length = np.sqrt(length) + 1e-9
        moved = 0.0
        for j in range(width):
            gradient = (gradients[row, j] - unit[row, j] * along) / length
            mean[row, j] += (1 - momentum) * (gradient - mean[row, j])
            square[row, j] += (1 - variance) * (gradient * gradient - square[row, j])
            points[row, j] -= rate * mean[row, j] / (np.sqrt(square[row, j]) + tiny)
            moved += points[row, j] * points[row, j]
            gradients[row, j] = 0.0
        moved = np.sqrt(moved) + 1e-9
        for j in range(width):
            unit[row, j] = points[row, j] / moved


@compiled
def _scatter(gradients, clicked, added):  # type: ignore[no-untyped-def]
    for i in range(clicked.shape[0]):
        for back in range(clicked.shape[1]):
            if clicked[i, back] >= 0:
                for j in range(gradients.shape[1]):
                    gradients[clicked[i, back], j] += added[i, back, j]


class Sampler(NamedTuple):
    """Which products a batch is compared with, and how likely each is among them."""

    share: npt.NDArray[np.float64]  # (p) cumulated
    log_chance: Floats  # (p)

    def draw(self, targets: Numbered, rng: np.random.Generator) -> Numbered:
        """Return distinct products in order: the targets and SAMPLED others, or fewer."""
        drawn = np.searchsorted(self.share, rng.random(SAMPLED) * self.share[-1], side="right")
        return np.unique(np.concatenate([targets, drawn])).astype(np.int32)


def sampler_of(targets: Numbered, products: int) -> Sampler:
    """Return a sampler between even chances and the square root of popularity."""
    counts = np.bincount(targets, minlength=products)
    share = (np.sqrt(counts) / np.sqrt(counts).sum() + (counts > 0) / (counts > 0).sum()) / 2
    out = SAMPLED * np.log1p(-np.minimum(share, 0.999)) + BATCH * np.log1p(-np.minimum(counts / counts.sum(), 0.999))
    return Sampler(np.cumsum(share), np.log(np.maximum(-np.expm1(out), 1e-9)).astype(np.float32))


class Embedding:
    """An embedding in training."""

    def __init__(self, products: int, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.points: Floats = self.rng.normal(0, 0.1, (products, WIDTH)).astype(np.float32)
        self.unit: Floats = self.points / np.linalg.norm(self.points, axis=1, keepdims=True)
        self.gradients, self.mean, self.square = (np.zeros_like(self.points) for _ in range(3))
        identity = np.eye(WIDTH, dtype=np.float32)
        self.attention, self.newest, self.attended = Adam(identity.copy()), Adam(0.5 * identity), Adam(0.5 * identity)
        self.places = Adam((-0.3 * np.arange(QUERY)).astype(np.float32))
        self.known = np.zeros(products, np.bool_)
        self.steps = 0

    def train(self, prefixes: Prefixes, epochs: int, rate: float = RATE) -> Iterator[float]:
        """Learn from every prefix `epochs` times, ever slower, and yield the mean loss of each."""
        sampler = sampler_of(prefixes.targets, len(self.points))
        self.known[np.unique(prefixes.clicks)] = True
        batches = -(-prefixes.count // BATCH)
        for epoch in range(epochs):
            order, losses = self.rng.permutation(prefixes.count), 0.0
            for batch in range(batches):
                done = (epoch * batches + batch) / (epochs * batches)
                places = order[batch * BATCH : (batch + 1) * BATCH]
                losses += self._step(prefixes.some(places), sampler, rate * (1 - done) + rate / 50)
            yield losses / max(batches, 1)

    def vectors(self) -> Vectors:
        """Return what queries need; products that were in no session have no direction."""
        points = np.where(self.known[:, None], self.unit, np.float32(0)).astype(np.float32)
        return Vectors(points, self.attention.value, self.newest.value, self.attended.value, self.places.value)

    def _step(self, prefixes: Prefixes, sampler: Sampler, rate: float) -> float:
        """Follow the gradient of one batch and return its loss."""
        clicked = newest_clicks(prefixes)
        shown = clicked >= 0
        points = self.unit[clicked]
        dropped = (self.rng.random(points.shape, np.float32) >= DROPPED).astype(np.float32) / np.float32(1 - DROPPED)
        points *= dropped * shown[:, :, None]
        last = points[:, 0]
        wanted = last @ self.attention.value
        raw = np.einsum("bd,bld->bl", wanted, points) + self.places.value[: clicked.shape[1]]
        attention = np.exp(np.where(shown, raw, HIDDEN) - raw.max(axis=1, keepdims=True))
        attention /= attention.sum(axis=1, keepdims=True)
        attended = np.einsum("bl,bld->bd", attention, points)
        mixed = last @ self.newest.value + attended @ self.attended.value
        length = np.linalg.norm(mixed, axis=1, keepdims=True) + np.float32(1e-9)
        heading = mixed / length

        candidates = sampler.draw(prefixes.targets, self.rng)
        loss, to_heading, to_candidates = _softmax(heading, self.unit[candidates], candidates, prefixes.targets, sampler)

        to_mixed = (to_heading - heading * (heading * to_heading).sum(axis=1, keepdims=True)) / length
        to_attended = to_mixed @ self.attended.value.T
        to_attention = np.einsum("bd,bld->bl", to_attended, points)
        to_raw = attention * (to_attention - (attention * to_attention).sum(axis=1, keepdims=True))
        to_wanted = np.einsum("bl,bld->bd", to_raw, points)
        to_points = attention[:, :, None] * to_attended[:, None] + to_raw[:, :, None] * wanted[:, None]
        to_points[:, 0] += to_mixed @ self.newest.value.T + to_wanted @ self.attention.value.T
        to_points *= dropped

        _scatter(self.gradients, clicked, to_points)
        self.gradients[candidates] += to_candidates
        self._follow(np.union1d(candidates, clicked[shown]), rate)
        self.newest.step(last.T @ to_mixed, rate, self.steps)
        self.attended.step(attended.T @ to_mixed, rate, self.steps)
        self.attention.step(last.T @ to_wanted, rate, self.steps)
        self.places.step(np.pad(to_raw.sum(axis=0), (0, QUERY - clicked.shape[1])), rate, self.steps)
        return loss

    def _follow(self, rows: Numbered, rate: float) -> None:
        self.steps += 1
        arrays = (self.points, self.gradients, self.mean, self.square, self.unit)
        _step_rows(rows, *arrays, rate * _correction(self.steps), MOMENTUM, VARIANCE, TINY)


def newest_clicks(prefixes: Prefixes) -> Numbered:
    """Return the clicks (n, at most QUERY) of prefixes, newest first, -1 behind the first."""
    back = np.arange(min(int((prefixes.ends - prefixes.firsts).max()), QUERY))
    places: Integers = prefixes.ends[:, None] - 1 - back
    return np.where(places >= prefixes.firsts[:, None], prefixes.clicks[np.maximum(places, 0)], np.int32(-1))


def _softmax(
    heading: Floats, points: Floats, candidates: Numbered, targets: Numbered, sampler: Sampler
) -> tuple[float, Floats, Floats]:
    """Return the mean cross entropy of the targets, and its gradients to headings and points."""
    rows, own = np.arange(len(targets)), np.searchsorted(candidates, targets)
    share = cast(Floats, (heading * np.float32(SCALE)) @ points.T)
    of_targets = share[rows, own].copy()
    share -= sampler.log_chance[candidates]
    share[rows, own] = of_targets
    np.exp(share, out=share)
    total = share.sum(axis=1)
    loss = float(np.mean(np.log(total) - of_targets))
    share *= (SCALE / (len(targets) * total))[:, None].astype(np.float32)
    share[rows, own] -= np.float32(SCALE / len(targets))
    to_heading: Floats = share @ points
    to_points: Floats = share.T @ heading
    return loss, to_heading, to_points
