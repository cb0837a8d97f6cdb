"""How good the product's features and models are by the Fraud Detection Handbook's protocol, beside
the published figures.

`make bench NAME=fraud_quality` measures on the Handbook's own dates; on other files of its form or
other weeks, say `python -m benchmarks.fraud_quality --transactions FILE [FILE...] --test-from DATE
--weeks N`. The single split's test week begins on DATE. The prequential figures are means over N
weeks: from DATE on as far as the files reach, the rest before it, each with its own week to learn
from and week of delay.
"""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np

from benchmarks import receipt
from benchmarks.handbook.models import MODELS, PARAMETERS, ROUNDS, Fit, fit_xgboost
from benchmarks.handbook.protocol import WEEK, Split, figures, split, weeks_to_test
from benchmarks.handbook.transactions import Transactions, features, read
from pipelines.base import logs
from pipelines.base.arrays import Floats
from pipelines.base.errors import TidemarkError
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


def main(transactions: Sequence[Path] = (TRANSACTIONS,), test_from: date = TEST_FROM, weeks: int = WEEKS) -> None:
    """Measure and write the receipt."""
    told = read(transactions)
    first_test_day = (test_from - EPOCH).days
    starts = weeks_to_test(told, first_test_day, weeks)
    features(told.first(1), WEEK)  # compiled, or loaded, before it is timed
    began = time.perf_counter()
    rows = features(told, WEEK)
    folded_s = time.perf_counter() - began
    metrics = {
        **compare(told, rows, first_test_day, starts),
        **all_history(told, rows, first_test_day),
        **sizes(told),
        "fold_per_s": len(rows) / folded_s,
    }
    settings = {
        "transactions": [file.name for file in transactions],
        "test_from": str(test_from),
        "prequential_test_weeks_from": [str(np.datetime64(start, "D")) for start in starts],
        "feature_set": FEATURE_SET,
        "tuned_on": TUNED_ON,
        "all_history_legitimate_one_in": LEGITIMATE_ONE_IN,
        "xgboost": {**PARAMETERS, "rounds": ROUNDS},
        "published": PUBLISHED,
    }
    receipt.write("fraud_quality", settings, metrics)


def sizes(told: Transactions) -> Figures:
    """Return how much there was, and how much is remembered."""
    return {
        "transactions_count": float(len(told.fraud)),
        "features_count": float(len(FEATURES)),
        "card_state_bytes": float(CARD_STATE.itemsize),
        "seller_state_bytes": float(SELLER_STATE.itemsize),
    }


def compare(told: Transactions, rows: Floats, first_test_day: int, starts: Sequence[int]) -> Figures:
    """Return every model's figures on the single split, and their means over all test weeks."""
    metrics: Figures = {}
    for name, fit in MODELS.items():
        weekly = {start: _measured(told, rows, split(told, start), fit) for start in starts}
        metrics |= {f"{name}_{figure}": value for figure, value in weekly[first_test_day].items()}
        means = {figure: float(np.mean([week[figure] for week in weekly.values()])) for figure in weekly[first_test_day]}
        metrics |= {f"{name}_{figure}_prequential": value for figure, value in means.items()}
        log.info("model_measured", model=name, single=weekly[first_test_day], prequential=means)
    return metrics


def all_history(told: Transactions, rows: Floats, first_test_day: int) -> Figures:
    """Return XGBoost's figures on the single split when it learns from all that has matured, and
    how long that takes.

    Of the legitimate transactions one in LEGITIMATE_ONE_IN is learned from: there are so many that
    the ranking stays the same.
    """
    chosen = split(told, first_test_day, learn_days=None)
    kept = told.fraud | (np.arange(len(told.fraud)) % LEGITIMATE_ONE_IN == 0)
    began = time.perf_counter()
    measured = _measured(told, rows, replace(chosen, learn=chosen.learn & kept), fit_xgboost)
    return {
        **{f"xgboost_{figure}_all_history": value for figure, value in measured.items()},
        "all_history_count": float(chosen.learn.sum()),
        "all_history_s": time.perf_counter() - began,
    }


def _measured(told: Transactions, rows: Floats, chosen: Split, fit: Fit) -> Figures:
    """Fit on the split's one part and return the figures on the other; columns that never change
    teach nothing.
    """
    learn = rows[chosen.learn]
    telling = np.nanmin(learn, axis=0, initial=np.inf) < np.nanmax(learn, axis=0, initial=-np.inf)
    score = fit(learn[:, telling], told.fraud[chosen.learn])
    return figures(told, chosen.test, score(rows[chosen.test][:, telling]))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m benchmarks.fraud_quality", description=(__doc__ or "").partition("\n")[0])
    add = parser.add_argument
    add("--transactions", type=Path, nargs="+", action="extend", metavar="FILE", help="transactions in the Handbook's form")
    add("--test-from", type=date.fromisoformat, default=TEST_FROM, metavar="DATE", help="first day of the single test week")
    add("--weeks", type=int, default=WEEKS, metavar="N", help="test weeks of the prequential figures")
    return parser.parse_args()


if __name__ == "__main__":
    asked = _arguments()
    logs.configure()
    try:
        main(asked.transactions or [TRANSACTIONS], asked.test_from, asked.weeks)
    except TidemarkError as error:
        sys.exit(f"✗ {error}")
