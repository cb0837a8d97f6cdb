"""The fraud page's questions in SQL: values are bound, rows come back typed."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from dashboards.trino import Ask

QUEUED = 100
HINDSIGHT_AFTER = timedelta(days=1)


class Suspect(NamedTuple):
    """One payment held for review or declined."""

    payment_id: str
    card_id: str
    event_at: datetime
    amount: Decimal
    currency: str
    probability: float
    decision: str
    reasons: list[str]
    model_version: str
    degraded: bool


class Outcome(NamedTuple):
    """Payments of one day with one fate: stopped (held or declined) or not, and what the bank says,
    null where nothing yet.

    `in_hindsight` of them were scored more than a day after they were made.
    """

    day: datetime
    currency: str
    stopped: bool
    fraud: bool | None
    payments: int
    amount: Decimal
    in_hindsight: int


class Scored(NamedTuple):
    """How many payments got a probability of one class, in the newest day or in the week before
    it.
    """

    recent: bool
    place: int
    payments: int


class Version(NamedTuple):
    """What one version of the model scored."""

    model_name: str
    model_version: str
    payments: int
    review: int
    decline: int
    degraded: int


# Iceberg keeps each file's largest value, so this reads no rows.
NEWEST = """
SELECT max(data.event_at.max) FROM gold."fraud_scores$partitions"
"""

QUEUE_COLUMNS = "payment_id, card_id, event_at, amount, currency, probability, decision, reasons, model_version, degraded"
QUEUE = f"""
SELECT {QUEUE_COLUMNS}
FROM (
  SELECT {QUEUE_COLUMNS}, row_number() OVER (PARTITION BY decision ORDER BY probability DESC, event_at DESC) AS place
  FROM gold.fraud_scores WHERE event_at >= ? AND decision IN ('review', 'decline')
)
WHERE place <= {QUEUED} ORDER BY probability DESC, event_at DESC
"""  # noqa: S608 - a constant of ours

# The bank may change its mind, and silver may hold a finding twice: the latest one counts, of two
# at once what arrived last.
FINDINGS = """findings AS (
  SELECT payment_id, max_by(fraud, ROW(event_at, kafka_at)) AS fraud
  FROM silver.chargebacks WHERE event_at >= ? GROUP BY payment_id
)"""

OUTCOMES = f"""
WITH {FINDINGS}
SELECT date_trunc('day', scores.event_at), currency, decision <> 'approve', fraud, count(*), sum(amount),
  count_if(latency_ms > ?)
FROM gold.fraud_scores AS scores LEFT JOIN findings ON findings.payment_id = scores.payment_id
WHERE scores.event_at >= ? GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
"""  # noqa: S608 - a constant of ours

DRIFT = """
SELECT event_at >= ?, width_bucket(probability, ?), count(*)
FROM gold.fraud_scores WHERE event_at >= ? GROUP BY 1, 2 ORDER BY 1, 2
"""

VERSIONS = """
SELECT model_name, model_version, count(*), count_if(decision = 'review'), count_if(decision = 'decline'), count_if(degraded)
FROM gold.fraud_scores WHERE event_at >= ? GROUP BY 1, 2 ORDER BY max(scored_at) DESC, 1, 2
"""


def newest(ask: Ask) -> datetime | None:
    """Return when the newest scored payment was made, null where none was scored yet."""
    return next((at for (at,) in ask(NEWEST)), None)


def queue(ask: Ask, since: datetime) -> list[Suspect]:
    """Return payments held or declined since `since`, the likeliest frauds first, of either
    decision at most QUEUED.
    """
    return [Suspect(*row) for row in ask(QUEUE, since)]


def outcomes(ask: Ask, since: datetime) -> list[Outcome]:
    """Return payments made since `since` per day, currency, decision and latest finding of the
    bank, oldest first.
    """
    return [Outcome(*row) for row in ask(OUTCOMES, since, HINDSIGHT_AFTER / timedelta(milliseconds=1), since)]


def scored(ask: Ask, edges: tuple[float, ...], recent: datetime, since: datetime) -> list[Scored]:
    """Return payments made since `since` per class of probability, those from `recent` on apart.

    Class 0 lies below the first of the `edges`, class k from edge k - 1 on.
    """
    return [Scored(*row) for row in ask(DRIFT, recent, list(edges), since)]


def versions(ask: Ask, since: datetime) -> list[Version]:
    """Return the versions that scored payments made since `since`, the one in use first."""
    return [Version(*row) for row in ask(VERSIONS, since)]
