"""The live page's questions in SQL: values are bound, tables come from the list below, rows come
back typed.
"""

import re
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from dashboards.trino import Ask

# The tables that are always shown, each with the age in seconds from which its last commit counts
# as late; None where events are rare by nature. Others are shown once they are there.
LATE_AFTER_S: dict[str, int | None] = {
    "bronze.events": 60,
    "silver.orders": 30,
    "silver.payments": 60,
    "silver.clicks": 60,
    "silver.inventory": 60,
    "silver.fraud_scores": 60,
    "silver.chargebacks": None,
    "silver.reviews": None,
    "silver.quarantine": None,
    "silver.exposures": None,
    "silver.recommendations": 120,
    "gold.orders": 30,
    "gold.business_metrics": 60,
    "gold.fraud_scores": 60,
    "gold.stock_levels": 90,
    "gold.seller_activity": 90,
    "gold.exposure_counts": None,
    "gold.sessions": 180,
    "gold.item_trends": 180,
    "gold.recommendation_outcomes": 180,
    "gold.recommendations": 180,
}
OTHERS_LATE_AFTER_S = 90
LAYERS = ("bronze", "silver", "gold")
NAME = re.compile(rf"({'|'.join(LAYERS)})\.[a-z][a-z0-9_]*")
NEWEST = 12


class Minute(NamedTuple):
    """One row of gold.business_metrics: what was sold and who came in one minute."""

    minute: datetime
    currency: str
    orders: int
    gmv: Decimal
    sessions: int


class Order(NamedTuple):
    """The latest state of one order."""

    order_id: str
    status: str
    placed_at: datetime
    items_count: int
    amount: Decimal
    currency: str
    promotion_code: str | None


class Score(NamedTuple):
    """One payment with its fraud probability and what was decided."""

    payment_id: str
    event_at: datetime
    latency_ms: float
    amount: Decimal
    currency: str
    probability: float
    decision: str
    reasons: list[str]
    model_version: str
    degraded: bool


class Decided(NamedTuple):
    """How many payments of one minute got one decision."""

    minute: datetime
    decision: str
    payments: int


class Latency(NamedTuple):
    """Payments scored, those scored without full knowledge, median and 99th percentile of
    event-to-score time lately.
    """

    payments: int
    degraded: int
    p50_ms: float | None
    p99_ms: float | None


class Freshness(NamedTuple):
    """One table: its last commit of data, the age of that when read, and its rows, from Iceberg's
    snapshot summaries.
    """

    table: str
    committed_at: datetime | None
    age_s: float | None
    rows: int | None


NEWEST_MINUTE = "SELECT max(minute) FROM gold.business_metrics"

# A day in some dozens of currencies; a row is a minute and a currency.
MINUTES = """
SELECT minute, currency, orders, gmv, sessions FROM gold.business_metrics
WHERE minute >= ? ORDER BY minute DESC LIMIT 50000
"""

ORDERS = f"""
SELECT order_id, status, placed_at, items_count, amount, currency, promotion_code FROM gold.orders
WHERE placed_at >= ? ORDER BY placed_at DESC LIMIT {NEWEST}
"""  # noqa: S608 - a constant of ours

SCORES = f"""
SELECT payment_id, event_at, latency_ms, amount, currency, probability, decision, reasons, model_version, degraded
FROM gold.fraud_scores WHERE event_at >= ? ORDER BY event_at DESC LIMIT {NEWEST}
"""  # noqa: S608 - a constant of ours

DECISIONS = """
SELECT date_trunc('minute', event_at), decision, count(*) FROM gold.fraud_scores
WHERE event_at >= ? GROUP BY 1, 2 ORDER BY 1, 2
"""

LATENCY = """
SELECT count(*), count_if(degraded),
  approx_percentile(latency_ms, 0.5) FILTER (WHERE event_at >= ?),
  approx_percentile(latency_ms, 0.99) FILTER (WHERE event_at >= ?)
FROM gold.fraud_scores WHERE event_at >= ?
"""

TABLES = """
SELECT table_schema || '.' || table_name FROM information_schema.tables
WHERE table_schema IN ('bronze', 'silver', 'gold')
"""

COMMITS = """
SELECT name,
  max(committed_at) FILTER (WHERE operation <> 'replace'),
  date_diff('millisecond', max(committed_at) FILTER (WHERE operation <> 'replace'), current_timestamp) / 1e3,
  max_by(CAST(element_at(summary, 'total-records') AS bigint)
       - coalesce(CAST(element_at(summary, 'total-position-deletes') AS bigint), 0), committed_at)
FROM ({snapshots}) GROUP BY name
"""


def newest_minute(ask: Ask) -> datetime | None:
    """Return the newest minute of the business metrics; None where there is none."""
    return next((minute for (minute,) in ask(NEWEST_MINUTE)), None)


def minutes(ask: Ask, since: datetime) -> list[Minute]:
    """Return the business metrics of every minute at or after `since`, oldest first."""
    return sorted(Minute(*row) for row in ask(MINUTES, since))


def newest_orders(ask: Ask, since: datetime) -> list[Order]:
    """Return the newest orders placed at or after `since`, newest first."""
    return [Order(*row) for row in ask(ORDERS, since)]


def newest_scores(ask: Ask, since: datetime) -> list[Score]:
    """Return the scores of the newest payments made at or after `since`, newest first."""
    return [Score(*row) for row in ask(SCORES, since)]


def decisions(ask: Ask, since: datetime) -> list[Decided]:
    """Return payments per minute and decision since `since`, oldest first."""
    return [Decided(*row) for row in ask(DECISIONS, since)]


def latency(ask: Ask, since: datetime, lately: datetime) -> Latency:
    """Return how many payments made since `since` were scored, and how fast those were that were
    made since `lately`.
    """
    return next((Latency(*row) for row in ask(LATENCY, lately, lately, since)), Latency(0, 0, None, None))


def freshness(ask: Ask) -> list[Freshness]:
    """Return the last commit and the rows of every table of the layers; one that is always shown
    and does not exist yet has neither.
    """
    there = sorted(name for (name,) in ask(TABLES) if NAME.fullmatch(name))
    found = {row[0]: row for row in ask(COMMITS.format(snapshots=_snapshots(there)))} if there else {}
    shown = [*LATE_AFTER_S, *(table for table in there if table not in LATE_AFTER_S)]
    return [_freshness(found.get(table, [table, None, None, None])) for table in shown]


def late_after_s(table: str) -> int | None:
    """Return the age in seconds from which a table's last commit counts as late; None: never."""
    return LATE_AFTER_S.get(table, OTHERS_LATE_AFTER_S)


def _freshness(row: list[Any]) -> Freshness:
    table, committed_at, age_s, rows = row
    return Freshness(table, committed_at, None if age_s is None else float(age_s), rows)


def _snapshots(tables: list[str]) -> str:
    return " UNION ALL ".join(_snapshots_of(*table.split(".")) for table in tables)


def _snapshots_of(schema: str, table: str) -> str:
    listed = f"{schema}.{table}"
    if not NAME.fullmatch(listed):
        raise ValueError(f"{listed} is not a table of this page: of {', '.join(LAYERS)}, in small letters.")
    return f"""SELECT '{listed}' AS name, committed_at, operation, summary FROM {schema}."{table}$snapshots\""""  # noqa: S608 - a plain name
