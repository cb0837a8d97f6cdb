"""How often the next product is among the twenty recommended, on public sessions beside published
recommenders.

`make bench NAME=next_item_quality` measures Diginetica and YooChoose 1/64 by the published protocol
(all test prefixes; an item unseen in training is a miss; ties count against us); another set of the
form goes through `python -m benchmarks.next_item`.
"""

import os
from pathlib import Path

from benchmarks import next_item, receipt
from benchmarks.next_item_sets.measuring import FAST, FULL, TIMED
from benchmarks.next_item_sets.table import PUBLISHED
from pipelines.base.paths import ROOT

DATA = Path(os.environ.get("TIDEMARK_DATA", ROOT.parent / "shared" / "data")) / "sessions"
SETS = ("diginetica", "yoochoose64")


def main() -> None:
    """Measure the public sets and write the receipt."""
    metrics = {}
    for name in SETS:
        found, facts = next_item.measure(DATA / name / "train_sessions.parquet", DATA / name / "test_prefixes.parquet")
        metrics |= {f"{name}_{fact}": value for fact, value in facts.items()}
        for model, figures in found.items():
            metrics |= {f"{name}_{model}_{figure}": value for figure, value in figures.items()}
    settings = {
        "sets": list(SETS),
        "protocol": "all test prefixes, rank among all items, unseen targets missed, ties against us",
        "tuned_on": "the newest tenth of the training sessions",
        "queries_timed": TIMED,
        "fast": FAST.model_dump(exclude={"kernel"}),
        "full": FULL.model_dump(exclude={"kernel"}),
        "published_hr20_mrr20_pct": {name: dict(figures) for name, figures in PUBLISHED.items()},
    }
    receipt.write("next_item_quality", settings, metrics)
