"""What recommendations sell in the simulated shop: conversion and revenue per session with the
product's lists, with popular products, and without lists.

The loop is closed in one process. A shop opens, visitors click without lists, and the product's own
code builds a recommender from their sessions. From that moment the same shop goes on once for each
variant: each click is folded, a list is made, shown, and clicked by how much it is to the visitor's
taste (simulator/shop/taste.py and exposures.py), of which the recommender knows only the clicks.
Nobody outside a simulation knows how strongly liking turns into buying, so uplift is measured for
that assumption, for half of it (weak) and for twice of it (strong).

`make bench NAME=recommend_uplift`; `python -m benchmarks recommend_uplift --seeds 8` for others.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Annotated

import numpy as np
import typer

from benchmarks import receipt
from benchmarks.uplift import deciding, shop_past
from benchmarks.uplift.closed_loop import ClosedLoop
from benchmarks.uplift.intervals import Means, Ranged, Resampled
from benchmarks.uplift.measured_sessions import BOUGHT, CLICKED, EXPOSURES, REVENUE, Table, measured
from benchmarks.uplift.shop_past import Past
from pipelines.base import logs
from pipelines.base.settings import settings
from pipelines.recommendations.model.lists import Rules
from simulator.shop import exposures

log = logs.get(__name__)

SEEDS = 6
RATE = 100.0  # events a second: some 19 visits
PAST_S, MEASURED_S = 3_000.0, 1_200.0
WON_OVER = {"": exposures.WON_OVER, "weak": exposures.WON_OVER / 2, "strong": exposures.WON_OVER * 2}
LISTED = ("popular", "session")
COLUMNS = {"conversion": BOUGHT, "revenue": REVENUE}

Figures = dict[str, float]
Tables = dict[str, list[Table]]


def main(
    seeds: Annotated[int, typer.Option(min=2, help="Shops to measure in.")] = SEEDS,
    past_s: Annotated[float, typer.Option(help="Simulated seconds from which the recommender is built.")] = PAST_S,
    measured_s: Annotated[float, typer.Option(help="Simulated seconds whose visitors are measured.")] = MEASURED_S,
) -> None:
    """Measure and write the receipt."""
    began = time.perf_counter()
    pasts = [shop_past.past(seed, RATE, past_s) for seed in range(1, seeds + 1)]
    tables = {strength: everywhere(pasts, measured_s, won_over) for strength, won_over in WON_OVER.items()}
    described = {
        "seeds": seeds,
        "events_per_s": RATE,
        "past_s": past_s,
        "measured_s": measured_s,
        "won_over": dict(WON_OVER),
        "noticed": exposures.NOTICED,
        "goes_on": exposures.GOES_ON,
        "reluctance": exposures.RELUCTANCE,
    }
    metrics = figures(tables) | {
        "seeds_count": float(seeds),
        "past_sessions_count": float(np.mean([past.sessions for past in pasts])),
        "sessions_count": float(np.mean([len(table) for table in tables[""]["session"]])),
        "wall_s": time.perf_counter() - began,
    }
    receipt.write("recommend_uplift", described, metrics, circumstances=("weak", "strong"))


def everywhere(pasts: Sequence[Past], seconds: float, won_over: float) -> Tables:
    """Return what is measured of each variant in each shop; interleaved lists only for the plain
    strength.
    """
    variants = ["none", *LISTED, *(["interleaved"] if won_over == exposures.WON_OVER else [])]
    tables: Tables = {variant: [] for variant in variants}
    for past in pasts:
        for variant in variants:
            offers = None if variant == "none" else _loop(past, variant)
            tables[variant].append(measured(past, offers, seconds, won_over).sessions)
            conversion = round(float(tables[variant][-1][:, BOUGHT].mean()) * 100, 3)
            log.info("measured", variant=variant, won_over=won_over, conversion_pct=conversion)
    return tables


def _loop(past: Past, variant: str) -> ClosedLoop:
    wanted = settings().recommendations
    rules = Rules(wanted.most_of_a_seller, frozenset(wanted.repeat_categories))
    return ClosedLoop(past.model, variant, past.levels, rules, wanted.count)


def figures(tables: Mapping[str, Tables]) -> Figures:
    """Return every figure with its interval: of the plain strength all, of the others the
    uplifts.
    """
    plain = Resampled(tables[""])
    metrics = {**_of_variants(plain, tables[""]), **_uplifts(plain, "")}
    for strength in ("weak", "strong"):
        metrics |= _uplifts(Resampled(tables[strength]), f"_{strength}")
    return metrics | deciding.decided({variant: np.concatenate(of) for variant, of in tables[""].items()})


def _of_variants(plain: Resampled, variants: Tables) -> Figures:
    metrics: Figures = {}
    for variant in variants:
        metrics |= plain.ranged(lambda means, of=variant: 100 * means[of][:, BOUGHT]).metrics(f"{variant}_conversion", "_pct")  # type: ignore[misc]
        metrics |= plain.ranged(lambda means, of=variant: means[of][:, REVENUE]).metrics(
            f"{variant}_revenue_per_session", "_brl"
        )  # type: ignore[misc]
        if variant != "none":
            metrics |= _click_through(plain, variant).metrics(f"{variant}_click_through", "_pct")
    return metrics


def _click_through(plain: Resampled, variant: str) -> Ranged:
    return plain.ranged(lambda means: 100 * means[variant][:, CLICKED] / means[variant][:, EXPOSURES])


def _uplifts(resampled: Resampled, circumstance: str) -> Figures:
    """Return by how much more is bought with one variant than with another, in percent."""
    metrics: Figures = {}
    for name, column in COLUMNS.items():
        for ours, rival in (("session", "none"), ("popular", "none"), ("session", "popular")):

            def uplift(means: Means, ours: str = ours, rival: str = rival, column: int = column) -> Table:
                return 100 * (means[ours][:, column] / means[rival][:, column] - 1)

            metrics |= resampled.ranged(uplift).metrics(f"{ours}_over_{rival}_{name}", "_pct", circumstance)
    return metrics
