"""On the Handbook's transactions the folds give the features that its authors' code gave, over
exact windows.

Ours are windows of whole slots: of a day we see whole hours and of a week or a month whole days, so
that what lies in the missing part of the oldest slot is not counted, and what is known of sellers
ends at the last full hour. Where no payment lies between our bounds and theirs, the features must
be equal; elsewhere they must be equal once those payments are added back.
"""

import numpy as np
import pandas as pd
from handbook import FEATURES, TRANSACTIONS, needs_handbook

from benchmarks.handbook.transactions import features, transactions
from pipelines.fraud.features.feature_set import FEATURE_NAMES
from pipelines.fraud.features.seller_fold import as_of

SECOND_US, HOUR_US, DAY_US = 1_000_000, 3_600_000_000, 86_400_000_000
SOME = 300  # cards, or sellers
WINDOWS = {1: (HOUR_US, 24), 7: (DAY_US, 7), 30: (DAY_US, 30)}  # days: our slots
DELAY_US = 7 * DAY_US
ROUNDING = 2e-5  # our sums of amounts are 32-bit floats

pytestmark = needs_handbook


def read(who: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the transactions of some cards or terminals, and what the Handbook says of them in its
    last three weeks.
    """
    paid = pd.read_parquet(TRANSACTIONS, filters=[(who, "<", SOME)]).sort_values(["TX_DATETIME", "TRANSACTION_ID"])
    oracle = pd.read_parquet(FEATURES, filters=[(who, "<", SOME)])
    paid["feature"] = list(features(transactions(paid), delay_days=7))
    paid["at_us"] = paid["TX_DATETIME"].to_numpy("datetime64[us]").astype(np.int64)
    compared = paid.merge(oracle[["TRANSACTION_ID", *oracle.columns[9:]]], on="TRANSACTION_ID", validate="one_to_one")
    assert len(compared) == len(oracle) > 5000
    return paid, compared


def ours(compared: pd.DataFrame, feature: str) -> np.ndarray:
    return np.stack(compared["feature"].to_numpy())[:, FEATURE_NAMES.index(feature)].astype(np.float64)


def between(paid: pd.DataFrame, compared: pd.DataFrame, who: str, value: str, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Return for each asked payment the sum of `value` over the payments of the same card or
    terminal in (low, high].
    """
    sums = np.zeros(len(compared))
    by_place = {place: (rows["at_us"].to_numpy(), np.r_[0, rows[value].cumsum()]) for place, rows in paid.groupby(who)}
    for i, (place, first, last) in enumerate(zip(compared[who], low, high, strict=True)):
        moments, running = by_place[place]
        sums[i] = running[np.searchsorted(moments, last, "right")] - running[np.searchsorted(moments, first, "right")]
    return sums


def test_counts_and_mean_amounts_of_cards_are_the_handbooks():
    paid, compared = read("CUSTOMER_ID")
    paid["one"], now = 1, compared["at_us"].to_numpy()
    for days, (slot_us, slots) in WINDOWS.items():
        name = "24h" if days == 1 else f"{days}d"
        begin = (now // slot_us - slots + 1) * slot_us - 1
        unseen = {v: between(paid, compared, "CUSTOMER_ID", v, now - days * DAY_US, begin) for v in ("one", "TX_AMOUNT")}
        count, amount = ours(compared, f"payments_{name}"), ours(compared, f"amount_{name}")
        theirs = compared[f"CUSTOMER_ID_NB_TX_{days}DAY_WINDOW"].to_numpy()
        mean = compared[f"CUSTOMER_ID_AVG_AMOUNT_{days}DAY_WINDOW"].to_numpy()
        np.testing.assert_array_equal(count + unseen["one"], theirs)
        np.testing.assert_allclose(amount + unseen["TX_AMOUNT"], mean * theirs, rtol=ROUNDING)
        same = unseen["one"] == 0
        assert same.mean() > 0.2
        np.testing.assert_array_equal(count[same], theirs[same])
        np.testing.assert_allclose(ours(compared, f"amount_mean_{name}")[same], mean[same], rtol=ROUNDING)


def test_counts_and_delayed_risks_of_terminals_are_the_handbooks():
    paid, compared = read("TERMINAL_ID")
    paid["one"], now = 1, compared["at_us"].to_numpy()
    end = as_of(now) - DELAY_US - 1
    for days, (slot_us, slots) in WINDOWS.items():
        begin = (end // slot_us - slots + 1) * slot_us - 1
        bounds = [
            (end, now - DELAY_US),
            (now - DELAY_US - days * DAY_US, begin),
        ]  # too new for us, and too old
        new, old = (between(paid, compared, "TERMINAL_ID", "one", *bound) for bound in bounds)
        frauds = sum(between(paid, compared, "TERMINAL_ID", "TX_FRAUD", *bound) for bound in bounds)
        theirs = compared[f"TERMINAL_ID_NB_TX_{days}DAY_WINDOW"].to_numpy()
        risk = compared[f"TERMINAL_ID_RISK_{days}DAY_WINDOW"].to_numpy()
        np.testing.assert_array_equal(ours(compared, f"seller_labels_{days}d") + new + old, theirs)
        np.testing.assert_allclose(ours(compared, f"seller_frauds_{days}d") + frauds, risk * theirs, atol=1e-9)
        same = (new == 0) & (old == 0) & (theirs > 0)
        assert same.mean() > 0.2
        np.testing.assert_allclose(ours(compared, f"seller_fraud_rate_{days}d")[same], risk[same], rtol=1e-6)
