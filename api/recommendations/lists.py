"""Makes the lists of all who wait at once: one call of the model for those who want as many
products.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from api.batcher import Batcher
from pipelines.base.arrays import Records
from pipelines.recommendations.experiment import SESSION, Codes
from pipelines.recommendations.model.lists import FALLBACKS, Lists, Rules
from pipelines.recommendations.model.recommender import Model
from pipelines.recommendations.model.recommending import in_words, recommend, similar
from pipelines.recommendations.variants import shown

CurrentRules = Callable[[], Rules]


class ForSession(NamedTuple):
    """A list of at most `most` products for a session of a state (1, SESSION_STATE) in a variant;
    the coins of interleaving are of the `seed`.
    """

    model: Model
    most: int
    state: Records
    variant: int = SESSION
    seed: int = 0


class Similar(NamedTuple):
    """A list of at most `most` products that go with the one that has a number in the model."""

    model: Model
    most: int
    product: int


class Listed(NamedTuple):
    """A list, best first, with what it is from, and how many products each of RULES left out."""

    products: list[str]
    scores: list[float]
    reasons: list[str]
    fallback: str
    left_out: list[int]


ListBatcher = Batcher[ForSession | Similar, Listed]


def list_batcher(rules: CurrentRules) -> ListBatcher:
    """Return what makes lists by the rules that hold at the time."""
    return Batcher("recommend", lambda wanted: listed(wanted, rules()))


def listed(wanted: Sequence[ForSession | Similar], rules: Rules) -> list[Listed]:
    """Return the list of each who wants one, in their order."""
    made: dict[int, Listed] = {}
    alike: dict[tuple[int, int], list[int]] = defaultdict(list)
    for place, each in enumerate(wanted):
        if isinstance(each, Similar):
            (made[place],) = _in_words(each.model, similar(each.model, each.product, rules, each.most))
        else:
            alike[id(each.model), each.most].append(place)
    for places in alike.values():
        sessions = [each for place in places if isinstance(each := wanted[place], ForSession)]
        made.update(zip(places, _for_sessions(sessions, rules), strict=True))
    return [made[place] for place in range(len(wanted))]


def _for_sessions(wanted: Sequence[ForSession], rules: Rules) -> list[Listed]:
    """Return the lists of sessions that want as many products of the same model."""
    model, count = wanted[0].model, wanted[0].most

    def recommended(states: Records) -> Lists:
        return recommend(model, states, rules, count)

    states = np.concatenate([each.state for each in wanted])
    variants: Codes = np.array([each.variant for each in wanted], np.uint8)
    seeds = np.array([each.seed for each in wanted], np.uint64)
    return _in_words(model, shown(recommended, states, variants, seeds)[0])


def _in_words(model: Model, lists: Lists) -> list[Listed]:
    return [
        Listed(
            [model.products[product] for product in products if product >= 0],
            scores[: len(reasons)],
            reasons,
            FALLBACKS[fallback],
            left_out,
        )
        for products, scores, reasons, fallback, left_out in zip(
            lists.products.tolist(),
            lists.scores.tolist(),
            in_words(model, lists),
            lists.fallback.tolist(),
            lists.left_out.tolist(),
            strict=True,
        )
    ]
