"""A small real recommender, and sessions as a shop sends them and as the stream leaves them."""

import hashlib
import time
import uuid
from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from pipelines.base.arrays import SECOND_US, Records
from pipelines.models.packed import Packed
from pipelines.online_store.two_version_records import Batch
from pipelines.recommendations.features.session import ACTIONS, CLICK, fold, new_sessions, product_hashes
from pipelines.recommendations.model.building import build
from pipelines.recommendations.model.recommender import FORMAT, Model, load, packed_bytes
from pipelines.recommendations.model.sessions import Catalogue, Sessions
from pipelines.recommendations.store import RecommendationStore, StoredList

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


def now_us() -> int:
    return time.time_ns() // 1000


def clicks_of(dids: Sequence[Did], at_us: int) -> Records:
    """Return clicks (n, CLICK) with events of their own."""
    clicks = np.zeros(len(dids), CLICK)
    clicks["at_us"] = [at_us - did.ago_s * SECOND_US for did in dids]
    clicks["product"] = product_hashes([did.product for did in dids])
    clicks["action"] = [ACTIONS.get(did.action, ACTIONS["view"]) for did in dids]
    clicks["event"] = np.arange(1, len(dids) + 1)
    return clicks


def state_after(dids: Sequence[Did], at_us: int) -> Records:
    """Return the state (1) that the stream leaves of a session."""
    return fold(new_sessions(1), np.zeros(len(dids), np.int64), clicks_of(dids, at_us)).states


def stream(
    store: RecommendationStore, session_id: str, dids: Sequence[Did], at_us: int, lists: dict[str, StoredList] | None = None
) -> Records:
    """Be the stream: leave the state of a session in the store, and return it."""
    state = state_after(dids, at_us)
    store.write([session_id], new_sessions(1), state, Batch(QUERY, 0), lists or {})
    return state


def a_stored_list(**changes: Any) -> StoredList:
    """Return the list that the stream showed last in a session."""
    facts: dict[str, Any] = {
        "event_id": "recommendation-1",
        "event_us": now_us(),
        "visitor_id": "visitor-1",
        "products": [],
        "scores": [],
        "reasons": [],
        "teams": [],
        "fallback": "trending",
        "variant": "session",
        "left_out": [0, 0, 0, 0],
        "model_name": NAME,
        "model_version": "1",
        "model_built_us": 1,
        "degraded": False,
        "recommended_us": now_us(),
    }
    return StoredList(**{**facts, **changes})


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
