"""A simulated shop that has been open for a while without lists, and the recommender that the
product builds from what its visitors clicked.
"""

import hashlib
import io
from collections import Counter, defaultdict
from typing import NamedTuple

import pyarrow as pa

from benchmarks.uplift.measured_sessions import SESSION_S
from pipelines.base.settings import settings
from pipelines.models.packed import Packed
from pipelines.recommendations.model.building import build
from pipelines.recommendations.model.recommender import FORMAT, Model, load, packed_bytes
from pipelines.recommendations.model.sessions import Catalogue, Sessions
from pipelines.recommendations.training_sessions import gathered
from simulator import snapshot
from simulator.event import Event
from simulator.shop import Catalogue as Assortment
from simulator.shop import Shop

START = 1_767_571_200_000_000  # Monday 2026-01-05 00:00 UTC: no holiday for months
SECOND = 1_000_000
CLICK = ("products", "actions", "at")


class Past(NamedTuple):
    """A saved shop, what it sells, how many pieces of each product it has, and the model that its
    sessions gave; `sessions` says how many.
    """

    shop: bytes
    assortment: Assortment
    levels: Counter[str]
    model: Model
    sessions: int


def past(seed: int, rate: float, seconds: float) -> Past:
    """Return a shop that was open for so many seconds, and the model built at their end from the
    sessions that had ended.
    """
    assortment = Assortment.invented(seed)
    shop = Shop(seed, START, rate, assortment, steady=True)
    clicks: dict[str, dict[str, list[object]]] = defaultdict(lambda: {name: [] for name in CLICK})
    levels = Counter({product.product_id: 0 for product in assortment.products})
    for event in shop.events():
        if event.at >= START + seconds * SECOND:
            break
        if event.topic == "shop.clicks":
            _remember(clicks[event.key], event)
        elif event.topic == "shop.inventory":
            levels[event.key] += event.record["quantity"]
    file = io.BytesIO()
    snapshot.dump(shop.snapshot(), file)
    sessions = _ended(clicks, START + int((seconds - SESSION_S) * SECOND))
    return Past(file.getvalue(), assortment, levels, _model(sessions, assortment), sessions.count)


def _remember(session: dict[str, list[object]], event: Event) -> None:
    for name, field in zip(CLICK, ("product_id", "action", "event_at"), strict=True):
        session[name].append(event.record[field])


def _ended(clicks: dict[str, dict[str, list[object]]], before: int) -> Sessions:
    """Return the sessions that began early enough to have ended, as the product gathers them."""
    ended = {session_id: session for session_id, session in clicks.items() if session["at"][0] < before}  # type: ignore[operator]
    moments = pa.list_(pa.timestamp("us", "UTC"))
    rows = pa.RecordBatch.from_arrays(
        [
            pa.array(list(ended), pa.string()),
            pa.array([session["products"] for session in ended.values()], pa.list_(pa.string())),
            pa.array([session["actions"] for session in ended.values()], pa.list_(pa.string())),
            pa.array([session["at"] for session in ended.values()], pa.list_(pa.int64())).cast(moments),
        ],
        ["session_id", *CLICK],
    )
    return gathered([rows], len(ended), settings().ids.none)


def _model(sessions: Sessions, assortment: Assortment) -> Model:
    by_id = {product.product_id: product for product in assortment.products}
    products = [by_id[product_id] for product_id in sessions.products]
    known = Catalogue.unknown(len(products))._replace(
        category=[assortment.categories[product.category] for product in products],
        seller=[assortment.sellers[product.seller].seller_id for product in products],
    )
    content = packed_bytes(build(sessions, known))
    return load(Packed("recommendations", "1", FORMAT, hashlib.sha256(content).hexdigest(), content))
