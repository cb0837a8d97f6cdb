"""Answers to the fraud page's tiles, tables and sentences. Pure: no IO, no clock."""

from datetime import datetime, timedelta
from typing import Any

from dash import html

from dashboards.cache import Answer
from dashboards.look import formats, parts
from dashboards.pages.fraud import drift, maturity
from dashboards.pages.fraud.board import Dated
from dashboards.pages.fraud.drift import Distributions
from dashboards.pages.fraud.maturity import Day
from dashboards.pages.fraud.queries import Suspect, Version
from dashboards.pages.fraud.shadow import Agreement, Ranking, Shadow, Stopped, stops

REASONS_SHOWN = 3
QUEUE_HEADS = ["Payment", "Card", "Age", "Decision", "Probability", "Why", "Amount"]
NO_CHALLENGER = "No challenger scores in the shadow."
RIVAL_HEADS = ["Version", "Average precision", "Stopped", "Recall", "Caught", "Honest stopped"]
DECISIONS = ("approve", "review", "decline")
AGREEMENT_HEADS = ["Champion ↓ challenger →", *(decision.capitalize() for decision in DECISIONS)]
VERSION_HEADS = ["Model", "Payments", "Review", "Decline", "Degraded"]
SHOWN = {"all": ("review", "decline"), "review": ("review",), "decline": ("decline",)}
TONES = {"stable": "good", "moved": "late", "drifted": "bad"}


def tiles(versions: list[Version], days: list[Day], currency: str, known: Distributions) -> list[html.Div]:
    """Return the page's large numbers; a number that is not known is a dash."""
    return [*_stopped_tiles(versions), *_judged_tiles(maturity.together(days, mature=True), currency), _drift_tile(known)]


def queue(answer: Answer[Dated[Suspect] | None], shown: tuple[str, ...]) -> list[Any]:
    """Return the payments with one of these decisions, the likeliest frauds first, under what is
    wrong if anything is.
    """
    rows = [_suspect(row, answer.rows.newest) for row in answer.rows.rows if row.decision in shown] if answer.rows else []
    empty = (
        parts.nothing("payments scored", answer) if answer.rows is None else html.P("Nothing to look at.", className="empty")
    )
    return [parts.notice(answer), parts.table(QUEUE_HEADS, rows, empty)]


def versions(answer: Answer[Dated[Version] | None]) -> list[Any]:
    """Return what each version of the model scored, the one in use first."""
    rows = [_version(row) for row in answer.rows.rows] if answer.rows else []
    return [parts.notice(answer), parts.table(VERSION_HEADS, rows, parts.nothing("payments scored", answer))]


def shadow(answer: Answer[Dated[Shadow] | None], label_delay: timedelta) -> list[Any]:
    """Return champion and challenger beside each other on mature payments, and how far they decide
    alike.
    """
    if not answer.rows or not answer.rows.rows:
        return [parts.notice(answer), html.P("" if answer.problem else NO_CHALLENGER, className="empty")]
    (pair,) = answer.rows.rows
    return [
        parts.notice(answer),
        parts.table(RIVAL_HEADS, _rivals(pair), html.P()),
        html.P(_judged_alike(pair.ranking, label_delay), className="remark"),
        parts.table(AGREEMENT_HEADS, _agreement(pair.agreement), html.P()),
        html.P(_decided_alike(pair.agreement), className="remark"),
    ]


def labels(days: list[Day], label_delay: timedelta) -> str:
    """Return how many labels the judged days rest on, and what counts as one."""
    mature, young = (maturity.together(days, mature=mature) for mature in (True, False))
    told = []
    if mature:
        told.append(
            f"Mature: {formats.count(mature.payments)} payments, of which the bank called {formats.count(mature.frauds)} fraud "
            f"and cleared {formats.count(mature.cleared)}; the others count as legitimate after {label_delay.days} days "
            "without a finding."
        )
    if young:
        told.append(
            f"Still maturing: {formats.count(young.payments)} payments with {formats.count(young.findings)} findings so far, "
            "which is all that their days show."
        )
    in_hindsight = sum(day.in_hindsight for day in days)
    if in_hindsight:
        told.append(
            f"{formats.count(in_hindsight)} were scored more than a day after they were made: "
            "their model may have been trained on them."
        )
    return " ".join(told)


def drift_note(known: Distributions) -> str:
    """Return the stability index with its bands, and what it would be by chance."""
    index, chance = drift.stability_index(*known), drift.by_chance(*known)
    if index is None or chance is None:
        return "The index needs payments of the last 24 h and of the week before."
    return (
        f"Stability index {index:.3f}: {drift.verdict(index, chance)}. Below {drift.MOVED_FROM} is stable, from "
        f"{drift.DRIFTED_FROM} on drifted; {chance:.3f} is to be expected by chance among "
        f"{formats.count(sum(known.now))} payments now and {formats.count(sum(known.before))} before."
    )


def _stopped_tiles(versions: list[Version]) -> list[html.Div]:
    payments = sum(row.payments for row in versions)
    counts = {"To review": sum(row.review for row in versions), "Declined": sum(row.decline for row in versions)}
    return [
        parts.tile(
            f"{label}, last 24 h",
            formats.count(count if versions else None),
            f"{formats.percent(count / payments, 2)} of {formats.count(payments)} payments" if payments else "",
        )
        for label, count in counts.items()
    ]


def _judged_tiles(mature: Day | None, currency: str) -> list[html.Div]:
    if mature is None:
        return [parts.tile(label, formats.NOTHING, "no mature day yet") for label in ("Precision", "Recall", "Caught")]
    fraud = mature.caught_amount + mature.missed_amount
    return [
        parts.tile("Precision, mature days", formats.percent(mature.precision), f"of {formats.count(mature.stopped)} stopped"),
        parts.tile("Recall, mature days", formats.percent(mature.recall), f"of {formats.count(mature.frauds)} frauds"),
        parts.tile(
            "Caught, mature days",
            formats.rounded(mature.caught_amount, currency),
            f"of {formats.rounded(fraud, currency)} fraud",
        ),
    ]


def _drift_tile(known: Distributions) -> html.Div:
    index = drift.stability_index(*known)
    verdict = drift.verdict(index, drift.by_chance(*known))
    return parts.tile(
        "Score drift, stability index", formats.NOTHING if index is None else f"{index:.3f}", verdict, TONES.get(verdict, "")
    )


def _suspect(row: Suspect, newest: datetime) -> html.Tr:
    cells = [
        parts.short_id(row.payment_id, f"{row.payment_id}, model {row.model_version}"),
        parts.short_id(row.card_id, row.card_id),
        formats.age((newest - row.event_at).total_seconds()),
        parts.badge(row.decision, "d"),
        parts.probability(row.probability, row.decision),
        parts.reasons(row.reasons, degraded=row.degraded, shown=REASONS_SHOWN),
        formats.amount(row.amount, row.currency),
    ]
    return parts.line(QUEUE_HEADS, cells)


def _version(row: Version) -> html.Tr:
    cells = [
        f"{row.model_name} {row.model_version}",
        formats.count(row.payments),
        formats.percent(row.review / row.payments, 2),
        formats.percent(row.decline / row.payments, 2),
        formats.percent(row.degraded / row.payments, 2),
    ]
    return parts.line(VERSION_HEADS, cells)


def _rivals(pair: Shadow) -> list[html.Tr]:
    currency = maturity.main_currency(pair.fates)
    told = (
        (f"{pair.agreement.champion}, champion", pair.ranking.champion_precision, False),
        (f"{pair.agreement.challenger}, challenger", pair.ranking.challenger_precision, True),
    )
    return [
        _rival(name, precision, pair.ranking, stops(pair.fates, currency, challenger=challenger), currency)
        for name, precision, challenger in told
    ]


def _rival(name: str, precision: float | None, ranking: Ranking, held: Stopped, currency: str) -> html.Tr:
    known = [formats.count(held.payments), formats.rounded(held.caught, currency), formats.rounded(held.honest, currency)]
    stopped, caught, honest = known if ranking.payments else [formats.NOTHING] * 3
    cells = [
        name,
        formats.NOTHING if precision is None else f"{precision:.3f}",
        stopped,
        formats.percent(held.frauds / ranking.frauds if ranking.frauds else None),
        caught,
        honest,
    ]
    return parts.line(RIVAL_HEADS, cells)


def _agreement(pair: Agreement) -> list[html.Tr]:
    return [
        parts.line(
            AGREEMENT_HEADS,
            [parts.badge(mine, "d"), *(formats.count(pair.decisions.get((mine, its), 0)) for its in DECISIONS)],
        )
        for mine in DECISIONS
    ]


def _judged_alike(ranking: Ranking, label_delay: timedelta) -> str:
    if not ranking.frauds:
        return f"No fraud among the payments of both that are {label_delay.days} days old."
    return (
        f"On {formats.count(ranking.payments)} mature payments with {formats.count(ranking.frauds)} frauds, "
        "each by its own thresholds."
    )


def _decided_alike(pair: Agreement) -> str:
    payments = sum(pair.decisions.values())
    alike = sum(count for (mine, its), count in pair.decisions.items() if mine == its)
    correlation = formats.NOTHING if pair.correlation is None else f"{pair.correlation:.2f}"
    return (
        f"Last 24 h, each by its own thresholds: the same decision on {formats.percent(alike / payments, 2)} of "
        f"{formats.count(payments)} payments. Correlation of probabilities {correlation}."
    )
