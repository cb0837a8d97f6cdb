"""The kernel's numbers, chosen on a cut of the training sessions: one after the other, each by what
it does to the lists that follow the newest of these sessions.
"""

from collections.abc import Callable

import numpy as np

from pipelines.recommendations.model import kernel as query
from pipelines.recommendations.model.evaluation import quality, ranks
from pipelines.recommendations.model.index import Index
from pipelines.recommendations.model.kernel import no_trees, no_vectors, weights_of, work_for
from pipelines.recommendations.model.options import Kernel
from pipelines.recommendations.model.prefixes import Prefixes

LISTED = 30

TRIED: dict[str, tuple[float, ...]] = {  # in this order: what matters most comes first
    "forward_share": (0.05, 0.1, 0.2, 0.5, 1.0),
    "match_decay": (0.1, 0.3, 0.5, 0.8),
    "query_decay": (0.5, 0.7, 0.9),
    "after_decay": (0.3, 0.5, 0.7, 0.9),
    "before_share": (0.3, 0.6, 0.8, 1.0),
    "before_decay": (0.5, 0.8, 0.95),
    "self_share": (0.2, 0.5, 0.8, 1.2),
    "rarity_power": (0.0, 1.0, 2.0, 3.0),
    "recency": (0.0, 1.0, 2.0, 4.0),
    "length_power": (0.0, 0.3),
    "neighbours": (500, 1000, 2000),
    "back_off": (0.2, 0.4, 0.6),
    "backward_share": (0.0, 0.1, 0.3),
}


def value_of(index: Index, kernel: Kernel, prefixes: Prefixes, candidates: int) -> float:
    """Return hit rate plus mean reciprocal rank of the rough order after prefixes."""
    parts = (index, kernel, weights_of(index, kernel), no_trees(), no_vectors(), work_for(index, no_vectors()))
    products, scores = np.full((prefixes.count, LISTED), -1, np.int32), np.zeros((prefixes.count, LISTED), np.float32)
    query.rank(*parts, prefixes.clicks, prefixes.firsts, prefixes.ends, candidates, products, scores)
    found = quality(ranks(products, scores, prefixes.targets))
    return found.hit_rate + found.reciprocal_rank


def tuned(index: Index, prefixes: Prefixes, candidates: int, report: Callable[[str], None] = lambda _: None) -> Kernel:
    """Return the kernel's numbers that suit prefixes of sessions which the index has not seen."""
    best = Kernel()
    best_value = value_of(index, best, prefixes, candidates)
    for name, values in TRIED.items():
        for value in values:
            other = best._replace(**{name: float(value)})
            if other != best and (found := value_of(index, other, prefixes, candidates)) > best_value:
                best, best_value = other, found
        report(f"{name} = {getattr(best, name):g}: {best_value:.4f}")
    return best
