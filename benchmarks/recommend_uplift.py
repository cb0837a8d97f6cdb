"""What recommendations sell in the simulated shop: conversion and revenue per session with the
product's lists, with popular products, and without lists.

The loop is closed in one process. A shop opens, visitors click without lists, and the product's own
code builds a recommender from their sessions. From that moment the same shop goes on once for each
variant: each click is folded, a list is made, shown, and clicked by how much it is to the visitor's
taste (simulator/shop/taste.py and exposures.py), of which the recommender knows only the clicks.
Nobody outside a simulation knows how strongly liking turns into buying, so uplift is measured for
that assumption, for half of it (weak) and for twice of it (strong); `--no-strengths` leaves these
out.

`make bench NAME=recommend_uplift`; `python -m benchmarks recommend_uplift --seeds 8` for others.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Annotated, NamedTuple

import numpy as np
import typer

from benchmarks import receipt
from benchmarks.uplift import deciding, shop_past
from benchmarks.uplift.closed_loop import ClosedLoop
from benchmarks.uplift.intervals import Figure, Resampled
from benchmarks.uplift.measured_sessions import BOUGHT, CLICKED, EXPOSURES, REVENUE, Table, measured
from benchmarks.uplift.shop_past import Past
from pipelines.base import logs
from pipelines.base.settings import settings
from pipelines.recommendations.model.lists import Rules
from simulator.shop import exposures

log = logs.get(__name__)

SEEDS = 6
RATE = 100.0  # events a second: some 19 visits
PAST_S, MEASURED_S = 2_000.0, 600.0
WON_OVER = {"": exposures.WON_OVER, "weak": exposures.WON_OVER / 2, "strong": exposures.WON_OVER * 2}
LISTED = ("popular", "session")
COLUMNS = {"conversion": BOUGHT, "revenue": REVENUE}

Figures = dict[str, float]
Tables = dict[str, list[Table]]


class Measured(NamedTuple):
    """Sessions of one shop's past, and what was measured after it by strength and variant."""

    past_sessions: int
    tables: dict[str, dict[str, Table]]


def main(
    seeds: Annotated[int, typer.Option(min=2, help="Shops to measure in.")] = SEEDS,
    past_s: Annotated[float, typer.Option(help="Simulated seconds from which the recommender is built.")] = PAST_S,
    measured_s: Annotated[float, typer.Option(help="Simulated seconds whose visitors are measured.")] = MEASURED_S,
    strengths: Annotated[bool, typer.Option(help="Measure half and twice the strength, too.")] = True,
) -> None:
    """Measure and write the receipt."""
    began = time.perf_counter()
    won_over = WON_OVER if strengths else {"": WON_OVER[""]}
    shops = [of_shop(shop_past.past(seed, RATE, past_s), measured_s, won_over) for seed in range(1, seeds + 1)]
    tables = {strength: _by_variant([shop.tables[strength] for shop in shops]) for strength in won_over}
    described = {
        "seeds": seeds,
        "events_per_s": RATE,
        "past_s": past_s,
        "measured_s": measured_s,
        "won_over": won_over,
        "noticed": exposures.NOTICED,
        "goes_on": exposures.GOES_ON,
        "reluctance": exposures.RELUCTANCE,
    }
    metrics = figures(tables) | {
        "seeds_count": float(seeds),
        "past_sessions_count": float(np.mean([shop.past_sessions for shop in shops])),
        "sessions_count": float(np.mean([len(table) for table in tables[""]["session"]])),
        "wall_s": time.perf_counter() - began,
    }
    receipt.write("recommend_uplift", described, metrics, circumstances=("weak", "strong"))


def of_shop(past: Past, seconds: float, strengths: Mapping[str, float]) -> Measured:
    """Return what is measured in one shop: at the plain strength of interleaved lists, too, and at
    the others of what is compared.
    """
    tables: dict[str, dict[str, Table]] = {}
    for strength, won_over in strengths.items():
        variants = LISTED if strength else (*LISTED, "interleaved")
        # Who sees no list does what they do at any strength.
        none = tables[""]["none"] if strength else measured(past, None, seconds, won_over).sessions
        listed = {variant: measured(past, _loop(past, variant), seconds, won_over).sessions for variant in variants}
        tables[strength] = {"none": none, **listed}
        conversions = {variant: round(100 * float(table[:, BOUGHT].mean()), 3) for variant, table in tables[strength].items()}
        log.info("measured", won_over=won_over, sessions=len(none), **conversions)
    return Measured(past.sessions, tables)


def _by_variant(shops: Sequence[Mapping[str, Table]]) -> Tables:
    return {variant: [shop[variant] for shop in shops] for variant in shops[0]}


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
    for strength in filter(None, tables):
        metrics |= _uplifts(Resampled(tables[strength]), f"_{strength}")
    return metrics | deciding.decided({variant: np.concatenate(of) for variant, of in tables[""].items()})


def _of_variants(plain: Resampled, variants: Tables) -> Figures:
    metrics: Figures = {}
    for variant in variants:
        metrics |= plain.ranged(_mean(variant, BOUGHT, 100)).metrics(f"{variant}_conversion", "_pct")
        metrics |= plain.ranged(_mean(variant, REVENUE)).metrics(f"{variant}_revenue_per_session", "_brl")
        if variant != "none":
            metrics |= plain.ranged(_ratio((variant, CLICKED), (variant, EXPOSURES))).metrics(
                f"{variant}_click_through", "_pct"
            )
    return metrics


def _uplifts(resampled: Resampled, circumstance: str) -> Figures:
    """Return by how much more is bought with one variant than with another, in percent."""
    metrics: Figures = {}
    for name, column in COLUMNS.items():
        for ours, rival in (("session", "none"), ("popular", "none"), ("session", "popular")):
            uplift = _ratio((ours, column), (rival, column), less=100)
            metrics |= resampled.ranged(uplift).metrics(f"{ours}_over_{rival}_{name}", "_pct", circumstance)
    return metrics


def _mean(variant: str, column: int, times: float = 1) -> Figure:
    return lambda means: times * means[variant][:, column]


def _ratio(above: tuple[str, int], below: tuple[str, int], less: float = 0) -> Figure:
    """Return the figure of one mean in percent of another, `less` so many percent; each is named by
    its variant and column.
    """
    return lambda means: 100 * means[above[0]][:, above[1]] / means[below[0]][:, below[1]] - less
