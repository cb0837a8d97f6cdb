"""Questions about a challenger in the champion's shadow: whether both decide alike, and which of
them decides better.
"""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from dashboards.pages.fraud.queries import FINDINGS
from dashboards.trino import Ask, UnknownColumn


class Agreement(NamedTuple):
    """How the newest pair of champion and challenger decides on the same payments, each by its own
    thresholds.

    `decisions` are numbers of payments by the champion's decision and the challenger's.
    """

    champion: str
    challenger: str
    correlation: float | None
    decisions: dict[tuple[str, str], int]


class Ranking(NamedTuple):
    """How well both models rank the same mature payments; average precisions are null without
    frauds.
    """

    payments: int
    frauds: int
    champion_precision: float | None
    challenger_precision: float | None


class Fate(NamedTuple):
    """Mature payments with one fate: whether the champion stopped them, whether the challenger
    would have, whether fraud.
    """

    currency: str
    stopped: bool
    would_stop: bool
    fraud: bool
    payments: int
    amount: Decimal


class Shadow(NamedTuple):
    """A challenger beside its champion."""

    agreement: Agreement
    ranking: Ranking
    fates: list[Fate]


class Stopped(NamedTuple):
    """What one of the models stops of mature payments: how many, the frauds among them, and the
    money of both kinds.
    """

    payments: int
    frauds: int
    caught: Decimal
    honest: Decimal


AGREEMENT = """
SELECT model_version, challenger_version, corr(probability, challenger_probability),
  histogram(decision || ' ' || challenger_decision)
FROM gold.fraud_scores WHERE event_at >= ? AND challenger_decision IS NOT NULL
GROUP BY 1, 2 ORDER BY max(event_at) DESC LIMIT 1
"""

JUDGED = f"""{FINDINGS}, judged AS (
  SELECT currency, amount, probability, challenger_probability,
    decision <> 'approve' AS stopped, challenger_decision <> 'approve' AS would_stop, coalesce(fraud, false) AS fraud
  FROM gold.fraud_scores AS scores LEFT JOIN findings ON findings.payment_id = scores.payment_id
  WHERE scores.event_at >= ? AND scores.event_at < ? AND model_version = ? AND challenger_version = ?
    AND challenger_decision IS NOT NULL
)"""  # noqa: S608 - a constant of ours

# Average precision is the mean, over the frauds, of the share of frauds among all that score at
# least as high.
RANKING = f"""
WITH {JUDGED}, ranked AS (
  SELECT fraud,
    1e0 * sum(IF(fraud, 1, 0)) OVER (ORDER BY probability DESC) / count(*) OVER (ORDER BY probability DESC) AS precision,
    1e0 * sum(IF(fraud, 1, 0)) OVER (ORDER BY challenger_probability DESC)
      / count(*) OVER (ORDER BY challenger_probability DESC) AS challenger_precision
  FROM judged
)
SELECT count(*), count_if(fraud), avg(precision) FILTER (WHERE fraud), avg(challenger_precision) FILTER (WHERE fraud)
FROM ranked
"""  # noqa: S608 - a constant of ours

FATES = f"""
WITH {JUDGED}
SELECT currency, stopped, would_stop, fraud, count(*), sum(amount) FROM judged GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
"""  # noqa: S608 - a constant of ours


def shadows(ask: Ask, recent: datetime, since: datetime, mature_before: datetime) -> list[Shadow]:
    """Return the newest pair of champion and challenger; none where no challenger scores in the
    shadow.

    They are compared by their decisions on payments made since `recent`, and by the bank's findings
    about those made from `since` on and before `mature_before`.
    """
    try:
        rows = ask(AGREEMENT, recent)
    except UnknownColumn:  # a table from before a challenger's decisions were logged
        return []
    pairs = [
        Agreement(champion, challenger, correlation, _by_decisions(counts))
        for champion, challenger, correlation, counts in rows
    ]
    return [_judged(ask, pair, since, mature_before) for pair in pairs]


def stops(fates: Iterable[Fate], currency: str, *, challenger: bool) -> Stopped:
    """Return what the champion, or else the challenger, stops; counts are of all currencies,
    amounts of one.
    """
    held = [fate for fate in fates if (fate.would_stop if challenger else fate.stopped)]
    return Stopped(
        payments=sum(fate.payments for fate in held),
        frauds=sum(fate.payments for fate in held if fate.fraud),
        caught=sum((fate.amount for fate in held if fate.fraud and fate.currency == currency), Decimal()),
        honest=sum((fate.amount for fate in held if not fate.fraud and fate.currency == currency), Decimal()),
    )


def _by_decisions(counts: dict[str, int]) -> dict[tuple[str, str], int]:
    split = ((decisions.split(" "), count) for decisions, count in counts.items())
    return {(champion, challenger): count for (champion, challenger), count in split}


def _judged(ask: Ask, pair: Agreement, since: datetime, mature_before: datetime) -> Shadow:
    mature_pair = (since, since, mature_before, pair.champion, pair.challenger)
    ((*ranked,),) = ask(RANKING, *mature_pair)
    return Shadow(pair, Ranking(*ranked), [Fate(*row) for row in ask(FATES, *mature_pair)])
