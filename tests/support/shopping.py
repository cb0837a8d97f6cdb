"""Past sessions for tests of the recommender."""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from pipelines.models.packed import Packed
from pipelines.recommendations.features.session import VIEW, new_sessions
from pipelines.recommendations.model.building import build
from pipelines.recommendations.model.options import Options
from pipelines.recommendations.model.recommender import FORMAT, Arrays, Model, load, packed_bytes
from pipelines.recommendations.model.sessions import Catalogue, Sessions

PLAIN = Options(learned=False)


def sessions_of(clicks: Sequence[Sequence[int]], products: int = 0) -> Sessions:
    """Return sessions of products by number, a second between two clicks; product 3 is "p3"."""
    items = np.array([product for session in clicks for product in session], np.int32)
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum([len(session) for session in clicks], dtype=np.int64)])
    count = max(products, int(items.max(initial=-1)) + 1)
    at_us = np.arange(len(items)) * 1_000_000
    return Sessions([f"p{number}" for number in range(count)], offsets, items, at_us, np.full(len(items), VIEW, np.uint8))


def strolls(count: int, products: int = 60, seed: int = 1) -> Sessions:
    """Return sessions that mostly walk from a product to the next number, some to anywhere."""
    rng = np.random.default_rng(seed)
    clicks = []
    for _ in range(count):
        steps = np.where(rng.random(rng.integers(2, 8)) < 0.7, 1, rng.integers(0, products))
        clicks.append((rng.integers(0, products) + np.cumsum(steps)) % products)
    return sessions_of(clicks, products)


def model_of(clicks: Sequence[Sequence[int]], catalogue: Catalogue | None = None, options: Options = PLAIN) -> Model:
    """Return a recommender of such sessions, packed and loaded."""
    sessions = sessions_of(clicks, len(catalogue.category) if catalogue else 0)
    return loaded(build(sessions, catalogue or Catalogue.unknown(len(sessions.products)), options))


def packed(arrays: Arrays) -> Packed:
    """Return arrays as they are registered."""
    content = packed_bytes(arrays)
    return Packed("recommendations", "7", FORMAT, hashlib.sha256(content).hexdigest(), content)


def loaded(arrays: Arrays) -> Model:
    """Return a recommender made of arrays."""
    return load(packed(arrays))


def states_of(model: Model, *clicks: Sequence[int], **fields: Any) -> np.ndarray:
    """Return session states with such clicks, products by number; `cart` and `bought` too."""
    states = new_sessions(len(clicks))
    for state, products in zip(states, clicks, strict=True):
        state["items"][: len(products)] = model.index.hashes[list(products)]
        for field, held in fields.items():
            state[field][: len(held)] = model.index.hashes[list(held)]
    return states
