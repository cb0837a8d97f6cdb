"""Recommends products to those who ask, by the model in use, as the stream would; and writes
nothing.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import get_args

import numpy as np

from api.metrics import Metrics
from api.recommendations.lists import ForSession, ListBatcher, Listed, Similar
from api.recommendations.reader import SessionList, SessionReader, Wanted
from api.recommendations.schema import Fallback, Product, Recommendations, Session
from api.recommendations.sessions import products_beyond_places, state_of
from api.recommendations.stock import Stock
from pipelines.base.arrays import SECOND_US, Records
from pipelines.recommendations.experiment import SESSION, VARIANTS
from pipelines.recommendations.features.session import new_sessions, product_hashes
from pipelines.recommendations.model.lists import RULES, Hashes
from pipelines.recommendations.model.recommender import Model

FOR_SESSION, FOR_ITEMS, FOR_PRODUCT = "session", "items", "product"  # what a list may be for

VariantOf = Callable[[str], int]  # of a visitor: a place in VARIANTS


class Recommender:
    """Makes lists of what a reader knows of sessions, and of what requests say themselves.

    `variant_of` says which variant of the experiment a visitor sees.
    """

    def __init__(
        self, reader: SessionReader, lists: ListBatcher, stock: Stock, variant_of: VariantOf, metrics: Metrics
    ) -> None:
        self.reader, self.lists, self.stock, self.variant_of, self.metrics = reader, lists, stock, variant_of, metrics
        for kind in (FOR_SESSION, FOR_ITEMS, FOR_PRODUCT):
            for fallback in get_args(Fallback):
                metrics.recommendations.labels(kind, fallback)

    async def for_session(self, session_id: str, visitor_id: str | None, count: int, model: Model) -> Recommendations:
        """Return what the stream would show in a session now; what is trending where its state
        cannot be read.
        """
        began = time.perf_counter()
        variant = self.variant_of(visitor_id) if visitor_id else None
        read = await self.reader.read(Wanted(model, count, session_id, variant))
        made = await self._without_store(model, count, variant) if read is None else read
        self._count(FOR_SESSION, made.listed, began)
        return self._recommended(made.listed, model, VARIANTS[made.variant], age_s(made.state), degraded=read is None)

    async def _without_store(self, model: Model, count: int, variant: int | None) -> SessionList:
        """Return the list of a session of which nothing is known."""
        wanted = ForSession(model, count, new_sessions(1), SESSION if variant is None else variant)
        return SessionList(await self.lists.answer(wanted), wanted.variant, wanted.state, None)

    async def for_items(self, session: Session, model: Model) -> Recommendations:
        """Return what the stream would show after what a request says of a session."""
        began = time.perf_counter()
        state, beyond = state_of(session, time.time_ns() // 1000), products_beyond_places(session)
        self._count_unknown(model, state["items"][0, : int(state["count"][0])])
        variant = self.variant_of(session.visitor_id) if session.visitor_id else SESSION
        seed = int(product_hashes([session.visitor_id or ""])[0] ^ np.bitwise_xor.reduce(state["items"][0]))
        listed = await self.lists.answer(ForSession(model, session.n + len(beyond), state, variant, seed))
        self._count(FOR_ITEMS, listed, began)
        return self._recommended(without(listed, beyond, session.n), model, VARIANTS[variant], age_s(state))

    async def similar(self, product_id: str, count: int, model: Model) -> Recommendations:
        """Return what goes with a product; what is trending where the model does not know it."""
        began = time.perf_counter()
        hashes = product_hashes([product_id])
        number = int(model.numbers(hashes)[0])
        self._count_unknown(model, hashes)
        wanted = Similar(model, count, number) if number >= 0 else ForSession(model, count, new_sessions(1))
        listed = await self.lists.answer(wanted)
        self._count(FOR_PRODUCT, listed, began)
        return self._recommended(listed, model, None, None)

    def _count(self, kind: str, listed: Listed, began: float) -> None:
        self.metrics.recommendations.labels(kind, listed.fallback).inc()
        self.metrics.recommendation_seconds.observe(time.perf_counter() - began)

    def _count_unknown(self, model: Model, hashes: Hashes) -> None:
        if len(hashes):
            self.metrics.unknown_products.inc(int((model.numbers(hashes) < 0).sum()))

    def _recommended(
        self, listed: Listed, model: Model, variant: str | None, session_age_s: float | None, *, degraded: bool = False
    ) -> Recommendations:
        rows = zip(listed.products, listed.scores, listed.reasons, strict=True)
        return Recommendations(
            products=[Product(product_id=product, score=score, reason=reason) for product, score, reason in rows],
            fallback=listed.fallback,
            variant=variant,
            left_out=dict(zip(RULES, listed.left_out, strict=True)),
            model_name=model.name,
            model_version=model.version,
            session_age_s=session_age_s,
            index_age_s=max(0.0, time.time() - model.built_us / SECOND_US),
            degraded=degraded or not self.stock.is_current,
            recommended_at=datetime.now(UTC),
        )


def without(listed: Listed, products: frozenset[str], count: int) -> Listed:
    """Return the first `count` products of a list that are none of these."""
    if not products:
        return listed
    places = [place for place, product in enumerate(listed.products) if product not in products][:count]
    return listed._replace(
        products=[listed.products[place] for place in places],
        scores=[listed.scores[place] for place in places],
        reasons=[listed.reasons[place] for place in places],
    )


def age_s(state: Records) -> float | None:
    """Return the seconds since the newest click of a session (1); None for one without a click."""
    last_us = int(state["last_us"][0])
    return max(0.0, time.time() - last_us / SECOND_US) if last_us else None
