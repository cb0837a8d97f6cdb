"""Lists for sessions: recommended by a model, within the business rules, each product with its
reason.
"""

import numpy as np
import numpy.typing as npt

from pipelines.base.arrays import Floats, Records
from pipelines.recommendations.features.session import new_sessions
from pipelines.recommendations.model import kernel, picking
from pipelines.recommendations.model.building import build
from pipelines.recommendations.model.index import TRENDING, TRENDING_IN_CATEGORY
from pipelines.recommendations.model.kernel import LARGEST
from pipelines.recommendations.model.lists import REASONS, Hashes, Lists, Rules, no_lists
from pipelines.recommendations.model.options import Options
from pipelines.recommendations.model.picking import Limits
from pipelines.recommendations.model.recommender import Model
from pipelines.recommendations.model.sessions import Catalogue, Numbered, Sessions

MOST_LOOKED_AT = LARGEST + TRENDING + TRENDING_IN_CATEGORY


def recommend(model: Model, states: Records, rules: Rules, count: int = 10) -> Lists:
    """Return a list of at most `count` products for each session (n, SESSION_STATE).

    The product that is looked at is not in the list. A session without a known product gets what
    is trending; where the rules leave nothing, a list is empty.
    """
    lists, limits = no_lists(len(states), count), limits_of(model, rules)
    numbers = model.numbers(np.ravel(states["items"])).reshape(states["items"].shape)
    held = np.concatenate([states["cart"], states["bought"]], axis=1)
    for i in range(len(states)):
        lists.fallback[i] = _list(model, limits, numbers[i][numbers[i] >= 0], held[i], _row(lists, i))
    return lists


def similar(model: Model, product: int, rules: Rules, count: int = 10) -> Lists:
    """Return a list (n = 1) for who looks at one product, by its number; one below 0 is unknown."""
    lists = no_lists(1, count)
    query = np.full(1 if product >= 0 else 0, product, np.int32)
    lists.fallback[0] = _list(model, limits_of(model, rules), query, np.zeros(1, np.uint64), _row(lists, 0))
    return lists


def limits_of(model: Model, rules: Rules) -> Limits:
    """Return the rules over a model's numbers."""
    repeats = np.array([name in rules.repeat_categories for name in model.category_names], np.bool_)
    return Limits(int(rules.most_of_a_seller), repeats, np.ascontiguousarray(rules.unavailable, np.uint64))


Row = tuple[Numbered, Floats, npt.NDArray[np.uint8], Numbered, npt.NDArray[np.uint16]]


def _row(lists: Lists, i: int) -> Row:
    return lists.products[i], lists.scores[i], lists.reasons[i], lists.because[i], lists.left_out[i]


def _list(model: Model, limits: Limits, query: Numbered, held: Hashes, row: Row) -> int:
    """Write a list into its row and return its fallback."""
    looked_at, count, considered, first = np.empty(MOST_LOOKED_AT, np.int32), 0, 0, 0
    if len(query):
        work = model.work()
        parts = (model.index, model.kernel, model.weights, model.trees, model.vectors, work)
        order, touched, neighbours = kernel.ranked(*parts, query, model.candidates)
        shares = _shares(work.margins[order], bool(len(model.trees.features)))
        count, considered = picking.pick_candidates(model.index, work, limits, held, query, order, shares, looked_at, row)
        first = picking.source_of(neighbours)
        kernel.forget(work, touched)
    return int(picking.pick_trending(model.index, limits, held, query, looked_at, considered, row, count, first))


def _shares(margins: Floats, learned: bool) -> Floats:
    """Return the share of each candidate in all that speaks for any: learned margins are logarithms
    of it.
    """
    strength = np.exp(margins - margins.max(initial=0)) if learned else margins
    return (strength / max(float(strength.sum()), 1e-9)).astype(np.float32)


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
