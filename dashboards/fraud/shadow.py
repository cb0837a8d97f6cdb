"""Questions about a challenger in the champion's shadow: whether both decide alike, and which of them decides better."""

from datetime import datetime
from typing import NamedTuple

from dashboards.fraud.queries import FINDINGS
from dashboards.lake import Ask, UnknownColumn


class Agreement(NamedTuple):
    """How the newest pair of champion and challenger decides on the same payments, were the challenger to decide.

    It would stop what it finds at least as likely as the least likely payment that its champion stopped.
    """

    champion: str
    challenger: str
    payments: int
    stopped: int
    would_stop: int
    both: int
    correlation: float | None


class Quality(NamedTuple):
    """Both models on the same mature payments; the challenger stops as many of them as the champion did.

    Average precisions and recalls are null without frauds.
    """

    payments: int
    frauds: int
    stopped: int
    champion_precision: float | None
    challenger_precision: float | None
    champion_recall: float | None
    challenger_recall: float | None


class Shadow(NamedTuple):
    """A challenger beside its champion."""

    agreement: Agreement
    quality: Quality


AGREEMENT = """
WITH shadowed AS (
  SELECT model_version, challenger_version, event_at, probability, challenger_probability, decision <> 'approve' AS stopped,
    min(IF(decision <> 'approve', probability)) OVER (PARTITION BY model_version) AS stopped_from
  FROM gold.fraud_scores WHERE event_at >= ? AND challenger_probability IS NOT NULL
), decided AS (
  SELECT *, coalesce(challenger_probability >= stopped_from, false) AS would_stop FROM shadowed
)
SELECT model_version, challenger_version, count(*), count_if(stopped), count_if(would_stop), count_if(stopped AND would_stop),
  corr(probability, challenger_probability)
FROM decided GROUP BY 1, 2 ORDER BY max(event_at) DESC LIMIT 1
"""

# Average precision is the mean, over the frauds, of the share of frauds among all that score at least as high.
QUALITY = f"""
WITH {FINDINGS}, judged AS (
  SELECT scores.payment_id, probability, challenger_probability,
    decision <> 'approve' AS stopped, coalesce(fraud, false) AS fraud
  FROM gold.fraud_scores AS scores LEFT JOIN findings ON findings.payment_id = scores.payment_id
  WHERE scores.event_at >= ? AND scores.event_at < ? AND model_version = ? AND challenger_version = ?
    AND challenger_probability IS NOT NULL
), ranked AS (
  SELECT fraud, stopped,
    1e0 * sum(IF(fraud, 1, 0)) OVER (ORDER BY probability DESC) / count(*) OVER (ORDER BY probability DESC) AS precision,
    1e0 * sum(IF(fraud, 1, 0)) OVER (ORDER BY challenger_probability DESC)
      / count(*) OVER (ORDER BY challenger_probability DESC) AS challenger_precision,
    row_number() OVER (ORDER BY challenger_probability DESC, payment_id) <= sum(IF(stopped, 1, 0)) OVER () AS would_stop
  FROM judged
)
SELECT count(*), count_if(fraud), count_if(stopped),
  avg(precision) FILTER (WHERE fraud), avg(challenger_precision) FILTER (WHERE fraud),
  avg(IF(stopped, 1e0, 0e0)) FILTER (WHERE fraud), avg(IF(would_stop, 1e0, 0e0)) FILTER (WHERE fraud)
FROM ranked
"""  # noqa: S608 - a constant of ours


def shadows(ask: Ask, recent: datetime, since: datetime, mature_before: datetime) -> list[Shadow]:
    """Return the newest pair of champion and challenger; none where no challenger scores in the shadow.

    They are compared by their decisions on payments made since `recent`, and by the bank's findings about those made from
    `since` on and before `mature_before`.
    """
    try:
        pairs = [Agreement(*row) for row in ask(AGREEMENT, recent)]
    except UnknownColumn:  # a table from before challengers were kept
        return []
    return [Shadow(pair, _quality(ask, pair, since, mature_before)) for pair in pairs]


def _quality(ask: Ask, pair: Agreement, since: datetime, mature_before: datetime) -> Quality:
    ((*found,),) = ask(QUALITY, since, since, mature_before, pair.champion, pair.challenger)
    return Quality(*found)
