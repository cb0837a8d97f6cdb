"""Lists as the columns of tidemark.recommendations: made of session states, with a model or without
one, each in its visitor's variant.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.base.arrays import SECOND_US, Records
from pipelines.base.settings import Recommendations
from pipelines.recommendations.experiment import NOBODY, VARIANTS, Codes, assignment
from pipelines.recommendations.features.session import MOST
from pipelines.recommendations.model import recommending
from pipelines.recommendations.model.lists import FALLBACKS, RULES, TRENDING, Rules
from pipelines.recommendations.model.recommender import Model
from pipelines.recommendations.variants import shown

Columns = dict[str, Sequence[object]]

PREFIX = "recommendation"  # and the click's event id: the list's own
MOMENT = pa.timestamp("us", "UTC")
SCHEMA = pa.schema(
    {
        "event_id": pa.string(),
        "event_at": MOMENT,
        "session_id": pa.string(),
        "visitor_id": pa.string(),
        "products": pa.list_(pa.string()),
        "scores": pa.list_(pa.float32()),
        "reasons": pa.list_(pa.string()),
        "teams": pa.list_(pa.string()),
        "fallback": pa.string(),
        "variant": pa.string(),
        "left_out": pa.list_(pa.int32()),
        "clicks": pa.int64(),
        "unknown_products": pa.int32(),
        "late": pa.bool_(),
        "model_name": pa.string(),
        "model_version": pa.string(),
        "model_built_at": MOMENT,
        "degraded": pa.bool_(),
        "recommended_at": MOMENT,
    }
)


def rules(chosen: Recommendations, unavailable: npt.NDArray[np.uint64]) -> Rules:
    """Return the rules of the settings, with the products that cannot be bought now."""
    return Rules(chosen.most_of_a_seller, frozenset(chosen.repeat_categories), unavailable)


def answers(
    clicks: pa.Table, states: Records, records: Records, model: Model | None, given: Rules, chosen: Recommendations
) -> pa.Table:
    """Return the list after each of `clicks` (n), in the columns of SCHEMA.

    clicks: with event_id, event_at, session_id, visitor_id; the same as `records` (n, CLICK).
    states: of their sessions after each of them (n, SESSION_STATE).
    Without a model the lists are empty, and degraded.
    """
    assigned = assignment(clicks["visitor_id"].to_pylist(), chosen.variants, chosen.experiment)
    made = _lists(model, states, assigned, records["event"], given, chosen.count) if model else _no_lists(len(clicks))
    count, now = len(clicks), datetime.now(UTC)
    columns = {
        **{name: clicks[name] for name in ("event_at", "session_id", "visitor_id")},
        "event_id": pc.binary_join_element_wise(PREFIX, clicks["event_id"], "-"),
        **made,
        "variant": [VARIANTS[variant] for variant in assigned.tolist()],
        "clicks": states["clicks"].astype(np.int64),
        "unknown_products": _unknown(model, states),
        "late": _late(states, records),
        "model_name": [chosen.model_name] * count,
        "model_version": [model.version if model else None] * count,
        "model_built_at": pa.array([model.built_us if model else None] * count, pa.int64()).cast(MOMENT),
        "degraded": [model is None] * count,
        "recommended_at": [now] * count,
    }
    return pa.table({name: columns[name] for name in SCHEMA.names}, SCHEMA)


def _lists(model: Model, states: Records, assigned: Codes, seeds: npt.NDArray[np.uint64], given: Rules, count: int) -> Columns:
    lists, teams = shown(lambda some: recommending.recommend(model, some, given, count), states, assigned, seeds)
    products = [[model.products[number] for number in row if number >= 0] for row in lists.products.tolist()]
    return {
        "products": products,
        "scores": [row[: len(named)] for row, named in zip(lists.scores.tolist(), products, strict=True)],
        "reasons": recommending.in_words(model, lists),
        "teams": [[VARIANTS[team] for team in row if team != NOBODY] for row in teams.tolist()],
        "fallback": [FALLBACKS[fallback] for fallback in lists.fallback.tolist()],
        "left_out": lists.left_out.tolist(),
    }


def _no_lists(count: int) -> Columns:
    nothing: Columns = {name: [[]] * count for name in ("products", "scores", "reasons", "teams")}
    return {**nothing, "fallback": [FALLBACKS[TRENDING]] * count, "left_out": [[0] * len(RULES)] * count}


def _unknown(model: Model | None, states: Records) -> npt.NDArray[np.int32]:
    """Return how many of the clicks that each session remembers are on products that the model does
    not know, all of them without one.
    """
    items = states["items"]
    there = items != 0
    if model:
        there &= model.numbers(items.ravel()).reshape(items.shape) < 0
    unknown: npt.NDArray[np.int32] = there.sum(axis=1).astype(np.int32)
    return unknown


def _late(states: Records, records: Records) -> npt.NDArray[np.bool_]:
    """Return whether a later click of the session came before: its newest one is another's."""
    late: npt.NDArray[np.bool_] = np.clip(records["at_us"], 0, MOST * SECOND_US) < states["last_us"]
    return late
