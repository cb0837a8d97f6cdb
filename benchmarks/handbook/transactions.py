"""Transactions of the Fraud Detection Handbook as payments of the shop, with the features that the
product's own folds give.

Le Borgne, Siblini, Lebichot, Bontempi: Reproducible Machine Learning for Credit Card Fraud
Detection, 2022. A customer is a card, a terminal is a seller, a fraud is a finding of the bank that
counts after the label delay.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipelines.base.arrays import DAY_US, Floats, Integers, Records
from pipelines.base.errors import TidemarkError
from pipelines.fraud.features import labels, seller_fold
from pipelines.fraud.features.card_fold import fold
from pipelines.fraud.features.card_state import new_cards
from pipelines.fraud.features.feature_set import AMOUNT_Z
from pipelines.fraud.features.payment_records import PAYMENT
from pipelines.fraud.features.seller_state import new_sellers

COLUMNS = ["TRANSACTION_ID", "TX_DATETIME", "CUSTOMER_ID", "TERMINAL_ID", "TX_AMOUNT", "TX_FRAUD"]


class TransactionsError(TidemarkError):
    """The files given are no transactions of the Handbook's form, or do not reach far enough."""


@dataclass(frozen=True)
class Transactions:
    """Payments in order of time (n, PAYMENT), which card paid which seller (n, numbered from 0),
    and whether it was fraud.
    """

    payments: Records
    card: Integers
    seller: Integers
    fraud: npt.NDArray[np.bool_]

    @property
    def day(self) -> Integers:
        """Days since 1970 (n)."""
        days: Integers = self.payments["at_us"] // DAY_US
        return days

    def first(self, count: int) -> "Transactions":
        """Return the first of them."""
        return Transactions(*(values[:count] for values in vars(self).values()))


def read(files: Sequence[Path]) -> Transactions:
    """Return the transactions of all files, each of them once; raises TransactionsError where they
    are not what is expected.
    """
    missing = [str(file) for file in files if not file.is_file()]
    if missing:
        raise TransactionsError(f"There is no {', '.join(missing)}: name the Handbook's transactions, or set TIDEMARK_DATA.")
    try:
        rows = pd.concat([pd.read_parquet(file, columns=COLUMNS) for file in files])
    except ValueError as error:
        raise TransactionsError(f"These are no transactions of the Handbook, which have {', '.join(COLUMNS)}.") from error
    return transactions(rows)


def transactions(rows: pd.DataFrame) -> Transactions:
    """Return rows with COLUMNS as transactions."""
    rows = rows.drop_duplicates(COLUMNS).sort_values(["TX_DATETIME", "TRANSACTION_ID"], kind="stable")
    made = np.zeros(len(rows), PAYMENT)
    made["at_us"] = pd.to_datetime(rows["TX_DATETIME"]).to_numpy("datetime64[us]").astype(np.int64)
    made["event"] = np.arange(1, len(rows) + 1)  # not TRANSACTION_ID: files may each count from 0
    made["amount"] = rows["TX_AMOUNT"]
    made["seller"] = pd.util.hash_array(rows["TERMINAL_ID"].to_numpy())
    for name in ("customer", "device", "country", "currency", "installments", "attempt_number", "credit_card"):
        # The Handbook does not say, or in the case of the customer, who is the card, nothing else.
        made[name] = 1
    for name in ("latitude", "longitude", "three_d_secure"):
        made[name] = np.nan
    card, seller = (pd.factorize(rows[name])[0].astype(np.int64) for name in ("CUSTOMER_ID", "TERMINAL_ID"))
    return Transactions(made, card, seller, rows["TX_FRAUD"].to_numpy() > 0)


def features(paid: Transactions, delay_days: int) -> Floats:
    """Return the features of all transactions (n, len(FEATURES)), those of sellers with labels that
    are `delay_days` late.

    Those of devices are NaN, because the Handbook knows none.
    """
    rows, _ = fold(new_cards(int(paid.card.max()) + 1), paid.card, paid.payments)
    at_us, frauds = paid.payments["at_us"], paid.fraud.nonzero()[0]
    found = labels.Findings(frauds, at_us[frauds], np.ones(len(frauds), np.bool_))
    known, of = labels.labels(at_us, rows[:, AMOUNT_Z], found, delay_days * DAY_US)
    sellers = new_sellers(int(paid.seller.max()) + 1)
    seller_fold.learn_and_write_features(sellers, paid.seller, paid.payments, paid.seller[of], known, delay_days * DAY_US, rows)
    return rows
