"""Answers to the page's tiles, tables and notices. Pure: what time it is comes in as an argument."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from dash import html

from dashboards import formats, series
from dashboards.kept import Answer
from dashboards.queries import LATE_AFTER_S, Decided, Freshness, Latency, Minute, Order, Score

STALLED_AFTER_S = 120
LATENCY_GOAL_MS = 500
REASONS_SHOWN = 2
ORDER_HEADS = ["Order", "Placed", "Status", "Items", "Amount"]
SCORE_HEADS = ["Payment", "Made", "Decision", "Probability", "Why", "Amount", "Latency"]
EMPTY = "No {what} yet: is the simulator running? `make status` tells."


def tile(label: str, value: str, note: Any = "", tone: str = "") -> html.Div:
    """Return one large number with its label and a small note."""
    return html.Div(
        [html.Dt(label), html.Dd(value, className="value"), html.Dd(note, className=f"note {tone}")], className="tile"
    )


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


def notice(*answers: Answer[Any]) -> html.Div | None:
    """Return what is wrong with these answers and since when they are old, once each; nothing when all is well."""
    failed = {answer.problem: answer for answer in answers if answer.problem}
    sentences = [html.P(_prose(_sentence(problem, answer))) for problem, answer in failed.items()]
    return html.Div(sentences, className="notice", role="status") if sentences else None


def pulse(minutes: Answer[list[Minute]], now: datetime) -> html.Span:
    """Return the state of the whole page in a word: live, waiting, stalled or not connected."""
    if minutes.problem:
        since = f", showing {minutes.at:%H:%M:%S} UTC" if minutes.at else ""
        return html.Span(f"No fresh data{since}", className="pulse bad")
    if not minutes.rows:
        return html.Span("Waiting for the first events", className="pulse idle")
    newest = minutes.rows[-1].minute
    if (now - newest).total_seconds() > 60 + STALLED_AFTER_S:
        return html.Span(f"Newest minute {newest:%Y-%m-%d %H:%M} UTC, {formats.ago(newest, now)}", className="pulse late")
    return html.Span(f"Live · {newest:%H:%M} UTC", className="pulse good")


def orders(answer: Answer[list[Order]], now: datetime) -> list[Any]:
    """Return the table of the newest orders, under what is wrong with it if anything is."""
    return [
        notice(answer),
        _table(ORDER_HEADS, [_order(order, now) for order in answer.rows or []], _nothing("orders", answer)),
    ]


def scores(answer: Answer[list[Score]], now: datetime) -> list[Any]:
    """Return the table of the newest fraud scores, under what is wrong with it if anything is."""
    return [
        notice(answer),
        _table(SCORE_HEADS, [_score(score, now) for score in answer.rows or []], _nothing("payments scored", answer)),
    ]


def freshness(answer: Answer[list[Freshness]]) -> list[Any]:
    """Return every table with its age and its rows."""
    rows = [_fresh(row) for row in answer.rows or []]
    return [notice(answer), html.Ul(rows, className="tables") if rows else _nothing("tables", answer)]


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
        return tile("Score latency, p99", formats.NOTHING, f"goal {LATENCY_GOAL_MS} ms")
    tone = "good" if latency.p99_ms < LATENCY_GOAL_MS else "late"
    note = f"p50 {formats.milliseconds(latency.p50_ms)} · goal {LATENCY_GOAL_MS} ms"
    return tile("Score latency, p99", formats.milliseconds(latency.p99_ms), note, tone)


def _quarantine_tile(tables: list[Freshness]) -> html.Div:
    rows = {table.table: table.rows for table in tables}
    bad, records = rows.get("silver.quarantine"), rows.get("bronze.events")
    note = f"of {formats.count(records)} records in bronze" if records else "kept with their reason"
    return tile("Quarantined", formats.count(bad), note)


def _against(now: Decimal | int, before: Decimal | int, comparable: bool) -> str:
    change = formats.change(float(now), float(before)) if comparable else None
    return f"{change} vs hour before" if change else ""


def _sentence(problem: str | None, answer: Answer[Any]) -> str:
    shown = f" Shown is what was read at {answer.at:%H:%M:%S} UTC." if answer.at else ""
    return f"Since {answer.failed_at:%H:%M:%S} UTC: {problem}{shown}"


def _nothing(what: str, answer: Answer[Any]) -> html.P:
    return html.P([] if answer.problem else _prose(EMPTY.format(what=what)), className="empty")


def _prose(text: str) -> list[Any]:
    """Return text with what stands between backticks as code."""
    return [html.Code(part) if odd % 2 else part for odd, part in enumerate(text.split("`"))]


def _table(heads: list[str], rows: list[html.Tr], empty: html.P) -> html.Table | html.P:
    if not rows:
        return empty
    head = html.Tr([html.Th(text, scope="col", className=_column(text)) for text in heads])
    return html.Table([html.Thead(head), html.Tbody(rows)])


def _row(heads: list[str], cells: list[Any]) -> html.Tr:
    return html.Tr([html.Td(cell, className=_column(head)) for head, cell in zip(heads, cells, strict=True)])


def _column(head: str) -> str:
    return f"c-{head.lower().replace(' ', '-')}"


def _order(order: Order, now: datetime) -> html.Tr:
    cells = [
        html.Code(formats.short(order.order_id), title=order.order_id),
        formats.ago(order.placed_at, now),
        html.Span(order.status, className=f"badge s-{order.status}"),
        formats.count(order.items_count),
        formats.amount(order.amount, order.currency),
    ]
    return _row(ORDER_HEADS, cells)


def _score(score: Score, now: datetime) -> html.Tr:
    cells = [
        html.Code(formats.short(score.payment_id), title=f"{score.payment_id}, model {score.model_version}"),
        formats.ago(score.event_at, now),
        html.Span(score.decision, className=f"badge d-{score.decision}"),
        html.Span(
            [
                html.Meter(className=f"m-{score.decision}", value=f"{score.probability:.3f}", min="0", max="1"),
                f" {formats.percent(score.probability)}",
            ]
        ),
        html.Span(_reasons(score), title=_reasons(score)),
        formats.amount(score.amount, score.currency),
        formats.milliseconds(score.latency_ms),
    ]
    return _row(SCORE_HEADS, cells)


def _reasons(score: Score) -> str:
    shown = [formats.words(reason) for reason in score.reasons[:REASONS_SHOWN]]
    return ", ".join(["degraded", *shown] if score.degraded else shown)


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


def decision_key() -> list[html.Span]:
    """Return the key of the graph of decisions."""
    return [html.Span(decision, className=f"key k-{decision}") for decision in ("review", "decline")]
