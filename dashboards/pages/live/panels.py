"""Answers to the live page's tiles and tables. Pure: what time it is comes in as an argument."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from dash import html

from dashboards.cache import Answer
from dashboards.look import formats
from dashboards.look.parts import badge, line, nothing, notice, probability, reasons, short_id, table, tile
from dashboards.pages.live import series
from dashboards.pages.live.queries import LATE_AFTER_S, Decided, Freshness, Latency, Minute, Order, Score

LATENCY_GOAL_MS = 500
LATENCY_TILE = "Score latency, p99 of 10 min"
ORDER_HEADS = ["Order", "Placed", "Status", "Items", "Amount"]
SCORE_HEADS = ["Payment", "Made", "Decision", "Probability", "Why", "Amount", "Latency"]


def tiles(
    minutes: Answer[list[Minute]],
    decisions: Answer[list[Decided]],
    latency: Answer[Latency],
    freshness: Answer[list[Freshness]],
) -> list[html.Div]:
    """Return the page's large numbers; a number that is not known is a dash."""
    shop = _shop_tiles(minutes.rows or [])
    return [
        *shop,
        _scored_tile(decisions.rows or [], latency.rows),
        _latency_tile(latency.rows),
        _quarantine_tile(freshness.rows or []),
    ]


def orders(answer: Answer[list[Order]], now: datetime) -> list[Any]:
    """Return the table of the newest orders, under what is wrong with it if anything is."""
    return [
        notice(answer),
        table(ORDER_HEADS, [_order(order, now) for order in answer.rows or []], nothing("orders", answer)),
    ]


def scores(answer: Answer[list[Score]], now: datetime) -> list[Any]:
    """Return the table of the newest fraud scores, under what is wrong with it if anything is."""
    return [
        notice(answer),
        table(SCORE_HEADS, [_score(score, now) for score in answer.rows or []], nothing("payments scored", answer)),
    ]


def freshness(answer: Answer[list[Freshness]]) -> list[Any]:
    """Return every table with its age and its rows."""
    rows = [_fresh(row) for row in answer.rows or []]
    return [notice(answer), html.Ul(rows, className="tables") if rows else nothing("tables", answer)]


def _shop_tiles(rows: list[Minute]) -> list[html.Div]:
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


def _scored_tile(decisions: list[Decided], latency: Latency | None) -> html.Div:
    review, decline = (formats.percent(series.share(decisions, d)) for d in ("review", "decline"))
    return tile(
        "Payments scored, last hour",
        formats.count(latency.payments if latency else None),
        f"review {review} · decline {decline}",
    )


def _latency_tile(latency: Latency | None) -> html.Div:
    if latency is None or latency.p99_ms is None:
        return tile(LATENCY_TILE, formats.NOTHING, f"goal {LATENCY_GOAL_MS} ms")
    tone = "good" if latency.p99_ms < LATENCY_GOAL_MS else "late"
    note = f"p50 {formats.milliseconds(latency.p50_ms)} · goal {LATENCY_GOAL_MS} ms"
    return tile(LATENCY_TILE, formats.milliseconds(latency.p99_ms), note, tone)


def _quarantine_tile(tables: list[Freshness]) -> html.Div:
    rows = {table.table: table.rows for table in tables}
    bad, records = rows.get("silver.quarantine"), rows.get("bronze.events")
    note = f"of {formats.count(records)} records in bronze" if records else "kept with their reason"
    return tile("Quarantined", formats.count(bad), note)


def _against(now: Decimal | int, before: Decimal | int, comparable: bool) -> str:
    change = formats.change(float(now), float(before)) if comparable else None
    return f"{change} vs hour before" if change else ""


def _order(order: Order, now: datetime) -> html.Tr:
    cells = [
        short_id(order.order_id, order.order_id),
        formats.ago(order.placed_at, now),
        badge(order.status, "s"),
        formats.count(order.items_count),
        formats.amount(order.amount, order.currency),
    ]
    return line(ORDER_HEADS, cells)


def _score(score: Score, now: datetime) -> html.Tr:
    cells = [
        short_id(score.payment_id, f"{score.payment_id}, model {score.model_version}"),
        formats.ago(score.event_at, now),
        badge(score.decision, "d"),
        probability(score.probability, score.decision),
        reasons(score.reasons, degraded=score.degraded),
        formats.amount(score.amount, score.currency),
        formats.milliseconds(score.latency_ms),
    ]
    return line(SCORE_HEADS, cells)


def _fresh(row: Freshness) -> html.Li:
    tone, age = _age(row)
    cells = [("name", row.table), ("rows", formats.count(row.rows)), (f"age {tone}", age)]
    return html.Li([html.Span(text, className=name, title=text) for name, text in cells])


def _age(row: Freshness) -> tuple[str, str]:
    late = LATE_AFTER_S[row.table]
    if row.age_s is None:
        return "idle", "not there yet"
    if late is not None and row.age_s > late:
        return "late", f"late, {formats.age(row.age_s)}"
    return "good", f"{formats.age(row.age_s)} ago"
