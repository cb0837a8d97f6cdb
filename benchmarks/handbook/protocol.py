"""The protocol by which the Handbook compares models: a week to learn from, a week of delay, a week
to be measured on.

Le Borgne et al., Reproducible Machine Learning for Credit Card Fraud Detection, 2022, sections 3.2
(split), 4.4 (metrics) and 5.3 (prequential: the same split, moved by a week at a time).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.metrics import average_precision_score, roc_auc_score

from benchmarks.handbook.transactions import Transactions, TransactionsError
from pipelines.base.arrays import Integers

WEEK = 7  # days of learning, of delay and of measuring
TOP = 100  # cards that can be looked at in a day

Chosen = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Split:
    """Which transactions are learned from, and which are measured on."""

    learn: Chosen
    test: Chosen


def split(transactions: Transactions, first_test_day: int, learn_days: int | None = WEEK) -> Split:
    """Return the split whose test week begins on a day (since 1970); `learn_days` None learns from
    everything before the delay.

    Cards whose compromise is known on a day of the test week (a fraud among what a seven-day split
    learns from, or among what has matured since) are left out from that day on, however much is
    learned from, so that every variant is measured on the same transactions.
    """
    day, end = transactions.day, first_test_day - WEEK
    learn = (day < end) & (day >= (day.min() if learn_days is None else end - learn_days))
    test = np.zeros(len(day), np.bool_)
    known = transactions.fraud & (day >= end - WEEK)
    for passed in range(WEEK):
        compromised = np.unique(transactions.card[known & (day < end + passed)])
        test |= (day == first_test_day + passed) & ~np.isin(transactions.card, compromised)
    return Split(learn, test)


def weeks_to_test(transactions: Transactions, first_test_day: int, weeks: int) -> list[int]:
    """Return the first days of `weeks` test weeks: from `first_test_day` on as far as the data
    reach, the rest before it.

    Raises TransactionsError where there are not so many.
    """
    days = transactions.day
    first, after = int(days.min()) + 2 * WEEK, int(days.max()) + 1 - WEEK
    later = list(range(first_test_day, after + 1, WEEK))[:weeks]
    earlier = list(range(first_test_day - WEEK, first - 1, -WEEK))[: weeks - len(later)]
    if first_test_day not in later or first_test_day < first or len(later) + len(earlier) < weeks:
        reach = f"{_date(int(days.min()))} to {_date(int(days.max()))}"
        raise TransactionsError(
            f"The transactions reach from {reach}: they have no {weeks} whole test weeks around {_date(first_test_day)} with "
            "a week to learn from and a week of delay before each; ask for fewer weeks, or give more files."
        )
    return sorted(earlier + later)


def _date(day: int) -> str:
    return str(np.datetime64(day, "D"))


def figures(transactions: Transactions, test: Chosen, probability: npt.NDArray[np.float32]) -> dict[str, float]:
    """Return the Handbook's three figures for the tested transactions."""
    fraud = transactions.fraud[test]
    return {
        "auc": float(roc_auc_score(fraud, probability)),
        "average_precision": float(average_precision_score(fraud, probability)),
        "card_precision_100": card_precision(transactions.day[test], transactions.card[test], fraud, probability, TOP),
    }


def card_precision(day: Integers, card: Integers, fraud: Chosen, probability: npt.NDArray[np.float32], top: int) -> float:
    """Return the mean over days of the share of compromised cards among the `top` cards with the
    highest score of the day.

    A compromised card that was found on one day is blocked, and so not looked at on the next ones,
    as in the Handbook.
    """
    return float(np.mean([found / top for found in _found_by_day(day, card, fraud, probability, top)]))


def _found_by_day(
    day: Integers, card: Integers, fraud: Chosen, probability: npt.NDArray[np.float32], top: int
) -> Iterator[int]:
    rows = pd.DataFrame({"day": day, "card": card, "fraud": fraud, "probability": probability})
    blocked: set[int] = set()
    for _, today in rows.groupby("day"):
        open_cards = today[~today["card"].isin(blocked)].groupby("card")[["fraud", "probability"]].max()
        looked_at = open_cards.nlargest(top, "probability")
        found = looked_at.index[looked_at["fraud"]]
        blocked |= set(found)
        yield len(found)
