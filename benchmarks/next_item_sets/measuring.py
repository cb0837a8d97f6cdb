"""A set measured: every model's hit rate and reciprocal rank, what else its lists show, and how
long a query takes.
"""

import hashlib
import time
from collections.abc import Callable, Iterable

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from benchmarks.next_item_sets import baselines
from benchmarks.next_item_sets.reading import Set
from pipelines.base.arrays import Numbers
from pipelines.models.arrays import Arrays
from pipelines.models.packed import Packed
from pipelines.recommendations.model.building import build
from pipelines.recommendations.model.evaluation import TOP, breadth, quality, ranks
from pipelines.recommendations.model.options import Kernel, Options
from pipelines.recommendations.model.prefixes import Prefixes
from pipelines.recommendations.model.recommender import FORMAT, Model, load, packed_bytes
from pipelines.recommendations.model.sessions import Catalogue

LISTED = 100  # places that ties are looked for in
TIMED = 2_000  # queries
RARE = 5  # clicks of a cold item in the training sessions
NOT_LEARNED = Options(learned=False, tune=True)
FAST = Options()
FULL = Options(embedding=True, epochs=12, embed_at_most=1_000_000, learn_at_most=60_000, candidates=150)
MODELS = ("neighbours", "fast", "full")

Figures = dict[str, float]
Report = Callable[[str], None]


def measure(measured: Set, models: Iterable[str], report: Report) -> dict[str, Figures]:
    """Return the figures of baselines and models on a set; `report` is called as they come in."""
    found = {}
    for name, ranked in (("popularity", baselines.popularity), ("item_knn", baselines.item_knn)):
        found[name] = figures(measured, *ranked(measured.train, measured.test, LISTED))
        report(f"{name}: {_in_words(found[name])}")
    kernel: Kernel | None = None
    for name, options in zip(MODELS, (NOT_LEARNED, FAST, FULL), strict=True):
        if name in models:
            chosen = options if kernel is None else options.model_copy(update={"kernel": kernel})
            found[name], arrays = _modelled(measured, chosen, _named(name, report))
            kernel = Kernel(*arrays["kernel"].tolist())
            report(f"{name}: {_in_words(found[name])}")
    return found


def _named(name: str, report: Report) -> Report:
    return lambda step: report(f"{name}: {step}")


def _modelled(measured: Set, options: Options, report: Report) -> tuple[Figures, Arrays]:
    began = time.perf_counter()
    arrays = build(measured.train, Catalogue.unknown(len(measured.train.products)), options, report)
    build_s = time.perf_counter() - began
    content = packed_bytes(arrays)
    model = load(Packed("next-item", "1", FORMAT, hashlib.sha256(content).hexdigest(), content))
    taken_us = timed(model, measured.test)
    return {
        **figures(measured, *model.rank(measured.test, LISTED)),
        "build_s": build_s,
        "model_mb": len(content) / 1e6,
        "query_mean_us": float(taken_us.mean()),
        "query_p50_us": float(np.percentile(taken_us, 50)),
        "query_p99_us": float(np.percentile(taken_us, 99)),
    }, arrays


def timed(model: Model, test: Prefixes) -> Numbers:
    """Return the microseconds of single queries on one thread, each asked through Python."""
    places = np.random.default_rng(1).permutation(test.count)[:TIMED]
    taken = np.zeros(len(places))
    with threadpool_limits(1):
        model.rank(test.some(places[:10]), TOP)
        for i in range(len(places)):
            one = test.some(places[i : i + 1])
            began = time.perf_counter()
            model.rank(one, TOP)
            taken[i] = (time.perf_counter() - began) * 1e6
    return taken


def figures(measured: Set, products: np.ndarray, scores: np.ndarray) -> Figures:
    """Return what lists (n, LISTED) are worth: percent of the targets, of the items, of places."""
    clicks = np.bincount(measured.train.items, minlength=len(measured.train.products))
    ranked = ranks(products, scores, measured.test.targets)
    found, shown = quality(ranked), breadth(products, clicks.astype(np.float64))
    targets = measured.test.targets
    cold = (targets >= 0) & (clicks[np.maximum(targets, 0)] <= RARE)
    short = measured.test.ends - measured.test.firsts <= 1
    return {
        "hr20_pct": 100 * found.hit_rate,
        "mrr20_pct": 100 * found.reciprocal_rank,
        "cold_hr20_pct": 100 * quality(ranked[cold]).hit_rate,
        "one_click_hr20_pct": 100 * quality(ranked[short]).hit_rate,
        "coverage_pct": 100 * shown.coverage,
        "mean_popularity_pct": 100 * shown.popularity,
        "top_hundredth_places_pct": 100 * shown.concentration,
        "diversity_pct": 100 * shown.diversity,
    }


def facts(measured: Set) -> Figures:
    """Return what a set is made of."""
    clicks = np.bincount(measured.train.items, minlength=len(measured.train.products))
    targets = measured.test.targets
    return {
        "sessions_count": float(measured.train.count),
        "clicks_count": float(len(measured.train.items)),
        "items_count": float(len(measured.train.products)),
        "prefixes_count": float(measured.test.count),
        "unseen_targets_pct": 100 * float((targets < 0).mean()),
        "cold_targets_pct": 100 * float(((targets >= 0) & (clicks[np.maximum(targets, 0)] <= RARE)).mean()),
    }


def _in_words(found: Figures) -> str:
    query = f", {found['query_p50_us']:,.0f} µs a query" if "query_p50_us" in found else ""
    return f"HR@20 {found['hr20_pct']:.2f}, MRR@20 {found['mrr20_pct']:.2f}{query}"
