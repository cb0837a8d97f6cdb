"""How often the next product is among the twenty recommended, on public sessions beside published
recommenders.

`make bench NAME=next_item_quality` measures Diginetica and YooChoose 1/64 by the published protocol
(all test prefixes; an item unseen in training is a miss; ties count against us), both at once, each
on one core; another set of the form goes through `python -m benchmarks.next_item`.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from benchmarks import receipt
from benchmarks.next_item import Only, measure
from benchmarks.next_item_sets.measuring import FAST, FULL, TIMED, Figures
from benchmarks.next_item_sets.table import PUBLISHED
from pipelines.base.paths import ROOT

DATA = Path(os.environ.get("TIDEMARK_DATA", ROOT.parent / "shared" / "data")) / "sessions"
SETS = ("diginetica", "yoochoose64")


def main(
    up_to: Annotated[Only, typer.Option(help="The last model to measure; the embedding takes minutes.")] = Only.FULL,
) -> None:
    """Measure the public sets and write the receipt."""
    with ThreadPoolExecutor(len(SETS)) as pool:
        measured = list(pool.map(partial(_metrics, up_to=up_to), SETS))
    settings = {
        "sets": list(SETS),
        "protocol": "all test prefixes, rank among all items, unseen targets missed, ties against us",
        "tuned_on": "the newest tenth of the training sessions",
        "queries_timed": TIMED,
        "up_to": str(up_to),
        "fast": FAST.model_dump(exclude={"kernel"}),
        "full": FULL.model_dump(exclude={"kernel"}),
        "published_hr20_mrr20_pct": {name: dict(figures) for name, figures in PUBLISHED.items()},
    }
    receipt.write("next_item_quality", settings, {name: value for metrics in measured for name, value in metrics.items()})


def _metrics(name: str, up_to: Only) -> Figures:
    """Return the figures of a set by the names that the receipt has for them."""
    found, facts = measure(DATA / name / "train_sessions.parquet", DATA / name / "test_prefixes.parquet", up_to)
    return {f"{name}_{fact}": value for fact, value in facts.items()} | {
        f"{name}_{model}_{figure}": value for model, figures in found.items() for figure, value in figures.items()
    }
