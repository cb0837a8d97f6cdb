"""Answers to the live page's tiles and tables. Pure: what time it is comes in as an argument."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import dash_mantine_components as dmc

from dashboards.cache import Answer
from dashboards.look import cards, formats, tables
from dashboards.look.cards import tile
from dashboards.look.messages import nothing, notice
from dashboards.look.tables import Filled, Row
from dashboards.pages.live import series
from dashboards.pages.live.queries import Decided, Freshness, Latency, Minute, Order, Score, late_after_s

LATENCY_GOAL_MS = 500
LATENCY_TILE = "Score latency, p99 of 10 min"
STATUS_TONES = {"delivered": "good", "cancelled": "bad"}


def tiles(
    minutes: Answer[list[Minute]],
    decisions: Answer[list[Decided]],
    latency: Answer[Latency],
    freshness: Answer[list[Freshness]],
) -> list[dmc.Paper]:
    """Return the page's large numbers; a number that is not known is a dash."""
    shop = _shop_tiles(minutes.rows or [])
    return [
        *shop,
        _scored_tile(decisions.rows or [], latency.rows),
        _latency_tile(latency.rows),
        _quarantine_tile(freshness.rows or []),
    ]


def orders(answer: Answer[list[Order]], now: datetime) -> Filled:
    """Return the rows of the newest orders, under what is wrong with them if anything is."""
    return tables.filled([_order(order, now) for order in answer.rows or []], answer, nothing("orders"))


def scores(answer: Answer[list[Score]], now: datetime) -> Filled:
    """Return the rows of the newest fraud scores, under what is wrong with them if anything is."""
    return tables.filled([_score(score, now) for score in answer.rows or []], answer, nothing("payments scored"))


def freshness(answer: Answer[list[Freshness]]) -> list[Any]:
    """Return every table with its age and its rows."""
    lines = [_fresh(row) for row in answer.rows or []]
    return [notice(answer), cards.facts(lines) if lines else None if answer.problem else nothing("tables")]


def _shop_tiles(rows: list[Minute]) -> list[dmc.Paper]:
    currency = series.main_currency(rows)
    now, before = series.hour(rows, currency), series.hour(rows, currency, ago=1)
    comparable = series.covers(rows, 2 * series.HOUR)
    gmv = formats.rounded(now.gmv, currency) if rows else formats.NOTHING
    only = f", {currency} only" if {row.currency for row in rows} - {currency} else ""
    return [
        tile("GMV, last hour", gmv, _against(now.gmv, before.gmv, comparable) + only),
        tile("Orders, last hour", formats.count(now.orders if rows else None), _against(now.orders, before.orders, comparable)),
        tile(
            "Conversion, last hour",
            formats.percent(now.conversion, 2),
            f"{formats.count(now.sessions)} sessions" if rows else "",
        ),
    ]


def _scored_tile(decisions: list[Decided], latency: Latency | None) -> dmc.Paper:
    review, decline = (formats.percent(series.share(decisions, d)) for d in ("review", "decline"))
    return tile(
        "Payments scored, last hour",
        formats.count(latency.payments if latency else None),
        f"review {review} · decline {decline}",
    )


def _latency_tile(latency: Latency | None) -> dmc.Paper:
    if latency is None or latency.p99_ms is None:
        return tile(LATENCY_TILE, formats.NOTHING, f"goal {LATENCY_GOAL_MS} ms")
    tone = "good" if latency.p99_ms < LATENCY_GOAL_MS else "late"
    note = f"p50 {formats.milliseconds(latency.p50_ms)} · goal {LATENCY_GOAL_MS} ms"
    return tile(LATENCY_TILE, formats.milliseconds(latency.p99_ms), note, tone)


def _quarantine_tile(tables: list[Freshness]) -> dmc.Paper:
    rows = {table.table: table.rows for table in tables}
    bad, records = rows.get("silver.quarantine"), rows.get("bronze.events")
    note = f"of {formats.count(records)} records in bronze" if records else "kept with their reason"
    return tile("Quarantined", formats.count(bad), note)


def _against(now: Decimal | int, before: Decimal | int, comparable: bool) -> str:
    change = formats.change(float(now), float(before)) if comparable else None
    return f"{change} vs hour before" if change else ""


def _order(order: Order, now: datetime) -> Row:
    return tables.row(
        order.order_id,
        order=tables.short_id(order.order_id, order.order_id),
        placed=tables.age(order.placed_at, now),
        status=tables.badge(order.status, STATUS_TONES),
        items=tables.count(order.items_count),
        amount=tables.amount(order.amount, order.currency),
    )


def _score(score: Score, now: datetime) -> Row:
    return tables.row(
        f"{score.payment_id} {score.event_at}",
        payment=tables.short_id(score.payment_id, f"{score.payment_id}, model {score.model_version}"),
        made=tables.age(score.event_at, now),
        decision=tables.badge(score.decision, tables.DECISION_TONES),
        probability=tables.bar(score.probability, score.decision),
        why=tables.reasons(score.reasons, degraded=score.degraded),
        amount=tables.amount(score.amount, score.currency),
        latency=tables.cell(score.latency_ms, formats.milliseconds(score.latency_ms)),
    )


def _fresh(row: Freshness) -> list[dmc.Text]:
    tone, age = _age(row)
    return [
        dmc.Text(row.table, inherit=True, truncate=True, flex=1),
        dmc.Text(formats.count(row.rows), inherit=True, c="dimmed"),
        dmc.Text(age, inherit=True, c=f"var(--{tone})", fw=600, ta="right", w=84),
    ]


def _age(row: Freshness) -> tuple[str, str]:
    late = late_after_s(row.table)
    if row.age_s is None:
        return "idle", "not there yet"
    if late is not None and row.age_s > late:
        return "late", f"late, {formats.age(row.age_s)}"
    return "good", f"{formats.age(row.age_s)} ago"
