"""How good the product's features and models are by the Fraud Detection Handbook's protocol, beside
the published figures.

`make bench NAME=fraud_quality` measures on the Handbook's own dates; on other files of its form or
other weeks, say `python -m benchmarks fraud_quality --transactions FILE --test-from DATE --weeks
N`, with `--transactions` once for each file. The single split's test week begins on DATE. The
prequential figures are means over N weeks: from DATE on as far as the files reach, the rest before
it, each with its own week to learn from and week of delay.
"""

import os
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from benchmarks import receipt
from benchmarks.handbook.models import MODELS, PARAMETERS, ROUNDS, Fit, fit_xgboost
from benchmarks.handbook.protocol import WEEK, Split, figures, split, weeks_to_test
from benchmarks.handbook.transactions import Transactions, features, read
from pipelines.base import logs
from pipelines.base.arrays import Floats
from pipelines.base.paths import ROOT
from pipelines.fraud.features.card_state import CARD_STATE
from pipelines.fraud.features.feature_set import FEATURE_SET, FEATURES
from pipelines.fraud.features.seller_state import SELLER_STATE

log = logs.get(__name__)

DATA = Path(os.environ.get("TIDEMARK_DATA", ROOT.parent / "shared" / "data")) / "fraud_handbook"
TRANSACTIONS = DATA / "transactions_20180401_20180814.parquet"
TEST_FROM, WEEKS = date(2018, 8, 8), 8
EPOCH = date(1970, 1, 1)
LEGITIMATE_ONE_IN = 4
TUNED_ON = "test weeks from 2018-05-16 to 2018-06-19"
PUBLISHED = {  # AUC, average precision, card precision@100
    "logistic": (0.871, 0.606, 0.291),
    "random_forest": (0.867, 0.658, 0.287),
    "xgboost": (0.862, 0.639, 0.273),
    "xgboost_tuned_prequential": (0.869, 0.687, 0.303),
    "random_forest_tuned_prequential": (0.870, 0.678, 0.299),
    "neural_net_tuned_prequential": (0.876, 0.675, 0.303),
}

Figures = dict[str, float]


def _day(text: str | date) -> date:
    return text if isinstance(text, date) else date.fromisoformat(text)


def main(
    transactions: Annotated[
        list[Path] | None, typer.Option(help="Transactions in the Handbook's form.", show_default=TRANSACTIONS.name)
    ] = None,
    test_from: Annotated[
        date, typer.Option(parser=_day, metavar="DATE", help="First day of the single test week.")
    ] = TEST_FROM,
    weeks: Annotated[int, typer.Option(min=1, help="Test weeks of the prequential figures.")] = WEEKS,
) -> None:
    """Measure features and models by the Handbook's protocol and write the receipt."""
    measure(transactions or [TRANSACTIONS], test_from, weeks)


def measure(files: Sequence[Path], test_from: date, weeks: int) -> None:
    """Measure on these files' transactions and write the receipt."""
    transactions = read(files)
    first_test_day = (test_from - EPOCH).days
    starts = weeks_to_test(transactions, first_test_day, weeks)
    features(transactions.first(1), WEEK)  # compiled, or loaded, before it is timed
    began = time.perf_counter()
    rows = features(transactions, WEEK)
    folded_s = time.perf_counter() - began
    metrics = {
        **compare(transactions, rows, first_test_day, starts),
        **all_history(transactions, rows, first_test_day),
        **sizes(transactions),
        "fold_per_s": len(rows) / folded_s,
    }
    settings = {
        "transactions": [file.name for file in files],
        "test_from": str(test_from),
        "prequential_test_weeks_from": [str(np.datetime64(start, "D")) for start in starts],
        "feature_set": FEATURE_SET,
        "tuned_on": TUNED_ON,
        "all_history_legitimate_one_in": LEGITIMATE_ONE_IN,
        "xgboost": {**PARAMETERS, "rounds": ROUNDS},
        "published": PUBLISHED,
    }
    receipt.write("fraud_quality", settings, metrics)


def sizes(transactions: Transactions) -> Figures:
    """Return how much there was, and how much is remembered."""
    return {
        "transactions_count": float(len(transactions.fraud)),
        "features_count": float(len(FEATURES)),
        "card_state_bytes": float(CARD_STATE.itemsize),
        "seller_state_bytes": float(SELLER_STATE.itemsize),
    }


def compare(transactions: Transactions, rows: Floats, first_test_day: int, starts: Sequence[int]) -> Figures:
    """Return every model's figures on the single split, and their means over all test weeks."""
    metrics: Figures = {}
    for name, fit in MODELS.items():
        weekly = {start: _measured(transactions, rows, split(transactions, start), fit) for start in starts}
        metrics |= {f"{name}_{figure}": value for figure, value in weekly[first_test_day].items()}
        means = {figure: float(np.mean([week[figure] for week in weekly.values()])) for figure in weekly[first_test_day]}
        metrics |= {f"{name}_{figure}_prequential": value for figure, value in means.items()}
        log.info("model_measured", model=name, single=weekly[first_test_day], prequential=means)
    return metrics


def all_history(transactions: Transactions, rows: Floats, first_test_day: int) -> Figures:
    """Return XGBoost's figures on the single split when it learns from all that has matured, and
    how long that takes.

    Of the legitimate transactions one in LEGITIMATE_ONE_IN is learned from: there are so many that
    the ranking stays the same.
    """
    chosen = split(transactions, first_test_day, learn_days=None)
    learned = transactions.fraud | (np.arange(len(transactions.fraud)) % LEGITIMATE_ONE_IN == 0)
    began = time.perf_counter()
    measured = _measured(transactions, rows, replace(chosen, learn=chosen.learn & learned), fit_xgboost)
    return {
        **{f"xgboost_{figure}_all_history": value for figure, value in measured.items()},
        "all_history_count": float(chosen.learn.sum()),
        "all_history_s": time.perf_counter() - began,
    }


def _measured(transactions: Transactions, rows: Floats, chosen: Split, fit: Fit) -> Figures:
    """Fit on the split's one part and return the figures on the other; columns that never change
    teach nothing.
    """
    learn = rows[chosen.learn]
    varying = np.nanmin(learn, axis=0, initial=np.inf) < np.nanmax(learn, axis=0, initial=-np.inf)
    score = fit(learn[:, varying], transactions.fraud[chosen.learn])
    return figures(transactions, chosen.test, score(rows[chosen.test][:, varying]))
