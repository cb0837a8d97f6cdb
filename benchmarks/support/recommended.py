"""A recommender for benchmarks, and sessions as the stream leaves them in the online store."""

import hashlib
import time

import numpy as np

from pipelines.base.arrays import SECOND_US, Records
from pipelines.base.settings import settings
from pipelines.models.packed import Packed
from pipelines.recommendations.features.session import CLICK, VIEW, fold, new_sessions, product_hashes
from pipelines.recommendations.model.building import build
from pipelines.recommendations.model.recommender import FORMAT, packed_bytes
from pipelines.recommendations.model.sessions import Catalogue, Sessions
from pipelines.recommendations.store import StoredList


def packed(sessions: Sessions) -> Packed:
    """Return version 1 of a recommender built of sessions of products of which nothing is known."""
    content = packed_bytes(build(sessions, Catalogue.unknown(len(sessions.products))))
    name = settings().recommendations.model_name
    return Packed(name, "1", FORMAT, hashlib.sha256(content).hexdigest(), content)


def states_after(sessions: list[list[str]]) -> Records:
    """Return the states (SESSION_STATE) of sessions in which so many products were viewed, one a
    second, oldest first, up to now.
    """
    lengths = np.array([len(products) for products in sessions])
    clicks = np.zeros(lengths.sum(), CLICK)
    clicks["at_us"] = time.time_ns() // 1000 + np.concatenate([np.arange(-length, 0) for length in lengths]) * SECOND_US
    clicks["event"] = np.arange(1, len(clicks) + 1)
    clicks["product"] = product_hashes([product for products in sessions for product in products])
    clicks["action"] = VIEW
    return fold(new_sessions(len(sessions)), np.repeat(np.arange(len(sessions)), lengths), clicks).states


def a_stored_list(products: list[str]) -> StoredList:
    """Return a list of the size of those that the stream stores, with these products."""
    now_us, shown = time.time_ns() // 1000, (products * 10)[:10]
    return StoredList(
        event_id="recommendation-00000000-0000-0000-0000-000000000000",
        event_us=now_us,
        visitor_id="00000000-0000-0000-0000-000000000000",
        products=shown,
        scores=[0.5] * len(shown),
        reasons=[f"seen together with {product}" for product in shown],
        teams=["session"] * len(shown),
        fallback="session",
        variant="session",
        left_out=[0, 0, 0, 0],
        model_name=settings().recommendations.model_name,
        model_version="1",
        model_built_us=now_us,
        degraded=False,
        recommended_us=now_us,
    )
