"""A small real recommender, and sessions as a shop sends them and as the stream leaves them."""

import hashlib
import time
import uuid
from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from pipelines.base.arrays import SECOND_US
from pipelines.base.settings import settings
from pipelines.models.packed import Packed
from pipelines.online_store.two_version_records import Batch
from pipelines.recommendations.experiment import VARIANTS, assignment
from pipelines.recommendations.model.building import build
from pipelines.recommendations.model.recommender import FORMAT, Model, load, packed_bytes
from pipelines.recommendations.model.sessions import Catalogue, Sessions
from pipelines.recommendations.recommending import in_use, recommend_batch
from pipelines.recommendations.store import RecommendationStore

SESSION, ITEMS = "/v1/sessions/{}/recommendations", "/v1/recommendations"
SIMILAR = "/v1/products/{}/similar"
PRODUCTS = [f"product-{number}" for number in range(60)]
QUERY = str(uuid.UUID(int=1))
NAME = "recommendations"


class Did(NamedTuple):
    """What a visitor did with a product, so many seconds before now."""

    product: str
    action: str = "view"
    ago_s: int = 0


@cache
def a_model_content(seed: int = 7) -> bytes:
    """Return a model of 400 sessions: visitors stay in one of six shelves of ten products."""
    random = np.random.default_rng(seed)
    lengths = random.integers(2, 8, 400)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    shelf = np.repeat(random.integers(0, 6, 400), lengths)
    items = (10 * shelf + random.integers(0, 10, offsets[-1])).astype(np.int32)
    at_us = (1_790_000_000 + np.arange(offsets[-1])) * SECOND_US
    sessions = Sessions(PRODUCTS, offsets, items, at_us, np.ones(offsets[-1], np.uint8))
    categories = [f"shelf-{number // 10}" for number in range(60)]
    sellers = [f"seller-{number % 10}" for number in range(60)]
    return packed_bytes(build(sessions, Catalogue(categories, sellers, np.ones(60, np.bool_))))


def a_packed_recommender(version: str = "1", seed: int = 7, **changes: Any) -> Packed:
    content = a_model_content(seed)
    facts = {"name": NAME, "version": version, "feature_set": FORMAT, "sha256": hashlib.sha256(content).hexdigest()}
    return Packed(**{**facts, "content": content, **changes})


@cache
def a_recommender(version: str = "1") -> Model:
    return load(a_packed_recommender(version))


def visitors() -> dict[str, str]:
    """Return a visitor of each variant of the experiment."""
    own, ids = settings().recommendations, [f"visitor-{number}" for number in range(100)]
    codes = assignment(ids, own.variants, own.experiment).tolist()
    return {VARIANTS[code]: visitor for code, visitor in zip(codes, ids, strict=True)}


def now_us() -> int:
    return time.time_ns() // 1000


def clicks_of(session_id: str, visitor_id: str, dids: Sequence[Did], at_us: int) -> pa.Table:
    """Return the clicks of a session as the stream gets them, in order of arrival."""
    columns = {
        "event_id": [f"{session_id}-{place}" for place in range(len(dids))],
        "event_at": pa.array([at_us - did.ago_s * SECOND_US for did in dids], pa.timestamp("us", "UTC")),
        "session_id": [session_id] * len(dids),
        "visitor_id": [visitor_id] * len(dids),
        "product_id": [did.product for did in dids],
        "action": [did.action for did in dids],
    }
    return pa.table(columns)


def stream(
    store: RecommendationStore, session_id: str, dids: Sequence[Did], at_us: int, *, visitor_id: str, **changes: Any
) -> dict[str, Any]:
    """Be the stream: leave a session and its list in the store, and return the list after the last
    click.
    """
    chosen = settings().recommendations.model_copy(update=changes)
    table = clicks_of(session_id, visitor_id, dids, at_us)
    last: dict[str, Any] = recommend_batch(table, Batch(QUERY, 0), store, in_use(NAME), chosen).to_pylist()[-1]
    return last


def as_items(dids: Sequence[Did], at_us: int) -> list[dict[str, str]]:
    """Return what a visitor did as a request says it."""
    moments = (np.datetime64(at_us - did.ago_s * SECOND_US, "us") for did in dids)
    return [
        {"product_id": did.product, "action": did.action, "at": f"{moment}Z"} for did, moment in zip(dids, moments, strict=True)
    ]


def a_session(*products: str, **changes: Any) -> dict[str, Any]:
    """Return a session as a shop sends it: views of some products."""
    return {"items": [{"product_id": product} for product in products], **changes}


def products_of(answer: dict[str, Any]) -> list[str]:
    return [product["product_id"] for product in answer["products"]]
