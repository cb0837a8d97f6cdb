"""The Fraud Detection Handbook's transactions for tests, where TIDEMARK_DATA has them, and small
ones made here.
"""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipelines.base.paths import ROOT

FOLDER = Path(os.environ.get("TIDEMARK_DATA", ROOT.parent / "shared" / "data")) / "fraud_handbook"
TRANSACTIONS = FOLDER / "transactions_20180401_20180814.parquet"
FEATURES = FOLDER / "features_20180725_20180814.parquet"
needs_handbook = pytest.mark.data_set(FEATURES, "compares with the Handbook's own figures")


def some_transactions(days: int = 30, per_day: int = 60, cards: int = 20, start: str = "2018-04-01") -> pd.DataFrame:
    """Make transactions of the Handbook's form, of which dear ones are fraud."""
    random = np.random.default_rng(11)
    count = days * per_day
    seconds = np.sort(random.integers(0, days * 86_400, count))
    fraud = random.random(count) < 0.05
    return pd.DataFrame(
        {
            "TRANSACTION_ID": np.arange(count),
            "TX_DATETIME": pd.Timestamp(start) + pd.to_timedelta(seconds, unit="s"),
            "CUSTOMER_ID": random.integers(0, cards, count),
            "TERMINAL_ID": random.integers(0, 10, count),
            "TX_AMOUNT": np.round(random.uniform(1, 100, count) + 90 * fraud, 2),
            "TX_FRAUD": fraud.astype(np.int64),
        }
    )
