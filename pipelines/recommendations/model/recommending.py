"""Lists for sessions: recommended by a model, within the business rules, each product with its
reason.
"""

import numpy as np

from pipelines.base.arrays import Records
from pipelines.recommendations.features.session import new_sessions
from pipelines.recommendations.model.building import build
from pipelines.recommendations.model.index import TRENDING, TRENDING_IN_CATEGORY
from pipelines.recommendations.model.kernel import LARGEST, find_candidates, no_candidates
from pipelines.recommendations.model.lists import REASONS, Hashes, Lists, Rules, no_lists
from pipelines.recommendations.model.options import Options
from pipelines.recommendations.model.picking import Limits, pick
from pipelines.recommendations.model.recommender import Model
from pipelines.recommendations.model.sessions import Catalogue, Numbered, Sessions

MOST_LOOKED_AT = LARGEST + TRENDING + TRENDING_IN_CATEGORY


def recommend(model: Model, states: Records, rules: Rules, count: int = 10) -> Lists:
    """Return a list of at most `count` products for each session (n, SESSION_STATE).

    The product that is looked at is not in the list. A session without a known product gets what
    is trending; where the rules leave nothing, a list is empty.
    """
    clicks = model.numbers(np.ravel(states["items"])).reshape(states["items"].shape)
    held = np.concatenate([states["cart"], states["bought"]], axis=1)
    return _lists(model, clicks, held, rules, count)


def similar(model: Model, product: int, rules: Rules, count: int = 10) -> Lists:
    """Return a list (n = 1) for who looks at one product, by its number; one below 0 is unknown."""
    return _lists(model, np.array([[product]], np.int32), np.zeros((1, 1), np.uint64), rules, count)


def _lists(model: Model, clicks: Numbered, held: Hashes, rules: Rules, count: int) -> Lists:
    """Return the lists after clicks (n, m; -1 for products that the model does not know), without
    what is `held` (n, h).
    """
    lists, candidates = no_lists(len(clicks), count), no_candidates(len(clicks))
    parts = (model.index, model.kernel, model.weights, model.trees, model.vectors, model.work())
    find_candidates(*parts, clicks, model.candidates, candidates)
    learned, looked_at = bool(len(model.trees.features)), np.empty(MOST_LOOKED_AT, np.int32)
    pick(model.index, limits_of(model, rules), held, clicks, candidates, learned, looked_at, lists)
    return lists


def limits_of(model: Model, rules: Rules) -> Limits:
    """Return the rules over a model's numbers, in arrays that may be written to, because others are
    of another type to compiled code.
    """
    repeats = np.array([name in rules.repeat_categories for name in model.category_names], np.bool_)
    return Limits(int(rules.most_of_a_seller), repeats, np.array(rules.unavailable, np.uint64))


def in_words(model: Model, lists: Lists) -> list[list[str]]:
    """Return for each list the reasons of its products in words."""
    return [
        [
            _reason(model, int(product), int(reason), int(because))
            for product, reason, because in zip(*row, strict=True)
            if product >= 0
        ]
        for row in zip(lists.products, lists.reasons, lists.because, strict=True)
    ]


def _reason(model: Model, product: int, reason: int, because: int) -> str:
    named = model.products[because] if because >= 0 else ""
    return REASONS[reason].format(product=named, category=model.categories[product])


def warm_up() -> None:
    """Compile the query, or load its compiled code, before the first session waits for it."""
    clicks = np.array([0, 1, 0, 2], np.int32)
    sessions = Sessions(["a", "b", "c"], np.array([0, 2, 4]), clicks, np.arange(4), np.ones(4, np.uint8))
    model = Model("warm-up", "0", build(sessions, Catalogue.unknown(3), Options(learned=False)))
    states = new_sessions(2)
    states["items"][0, 0] = model.index.hashes[0]
    recommend(model, states, Rules())
