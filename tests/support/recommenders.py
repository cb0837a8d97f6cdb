"""Small real recommenders for tests: twelve products, p0 to p11, of which each is followed by the
next one.
"""

import hashlib
from functools import cache
from typing import Any

import numpy as np

from pipelines.base.settings import Recommendations, settings
from pipelines.models.packed import Packed
from pipelines.recommendations.features.session import VIEW
from pipelines.recommendations.model import building, recommender
from pipelines.recommendations.model.sessions import Catalogue, Sessions
from pipelines.recommendations.recommending import InUse, in_use

PRODUCTS = [f"p{number}" for number in range(12)]
NAME = "recommendations"
KEPT_S = 7200


@cache
def arrays(prefix: str = "p") -> recommender.Arrays:
    """Build an index of sessions that walk along the products; p0 to p3 are the most popular."""
    products = [f"{prefix}{number}" for number in range(12)]
    walks = [[(first + step) % 12 for step in range(4)] for first in range(12)]
    walks += [[0, 1, 2, 3]] * 3
    items = np.array([item for walk in walks for item in walk], np.int32)
    offsets = np.arange(0, len(items) + 1, 4, dtype=np.int64)
    at_us = np.arange(len(items), dtype=np.int64) * 60_000_000 + 1_700_000_000_000_000
    sessions = Sessions(products, offsets, items, at_us, np.full(len(items), VIEW, np.uint8))
    catalogue = Catalogue(["toys"] * 12, [f"s{number}" for number in range(12)], np.ones(12, np.bool_))
    return {**building.build(sessions, catalogue), "built_us": np.array([1_700_000_000_000_000], np.int64)}


def a_packed_recommender(version: str = "1", prefix: str = "p", **changes: Any) -> Packed:
    content = recommender.packed_bytes(arrays(prefix))
    facts = {"name": NAME, "version": version, "feature_set": recommender.FORMAT}
    return Packed(**{**facts, "sha256": hashlib.sha256(content).hexdigest(), "content": content, **changes})


@cache
def a_recommender(version: str = "1", prefix: str = "p") -> recommender.Model:
    return recommender.load(a_packed_recommender(version, prefix))


def chosen(**changes: Any) -> Recommendations:
    """The settings of a recommender whose visitors all see their session's list, however old."""
    own = {"model_name": NAME, "count": 5, "within_s": 1e12, "kept_s": KEPT_S, "variants": {"session": 1.0}}
    return settings().recommendations.model_copy(update={**own, **changes})


class Models:
    """Where published models are, for a process that has one from the beginning."""

    def packed(self, name: str, version: str) -> Packed:
        return a_packed_recommender(version)


def recommending_with(version: str | None = "1") -> InUse:
    """Return what a worker recommends with that has taken up a version, or none."""
    using = in_use(NAME)
    using.model.follow(version, Models())
    return using
