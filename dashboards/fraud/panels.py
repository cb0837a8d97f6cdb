"""Answers to the fraud page's tiles, tables and sentences. Pure: no IO, no clock."""

from datetime import datetime, timedelta
from typing import Any

from dash import html

from dashboards import formats, parts
from dashboards.fraud import drift, maturity
from dashboards.fraud.board import Dated
from dashboards.fraud.drift import Distributions
from dashboards.fraud.maturity import Day
from dashboards.fraud.queries import Suspect, Version
from dashboards.fraud.shadow import Agreement, Quality, Shadow
from dashboards.kept import Answer

REASONS_SHOWN = 3
QUEUE_HEADS = ["Payment", "Card", "Age", "Decision", "Probability", "Why", "Amount"]
NO_CHALLENGER = "No challenger scores in the shadow."
RIVAL_HEADS = ["Version", "Average precision", "Recall"]
VERSION_HEADS = ["Model", "Payments", "Review", "Decline", "Degraded"]
SHOWN = {"all": ("review", "decline"), "review": ("review",), "decline": ("decline",)}
TONES = {"stable": "good", "moved": "late", "drifted": "bad"}


def tiles(versions: list[Version], days: list[Day], currency: str, known: Distributions) -> list[html.Div]:
    """Return the page's large numbers; a number that is not known is a dash."""
    return [*_stopped_tiles(versions), *_judged_tiles(maturity.together(days, mature=True), currency), _drift_tile(known)]


def queue(answer: Answer[Dated[Suspect] | None], shown: tuple[str, ...]) -> list[Any]:
    """Return the payments with one of these decisions, the likeliest frauds first, under what is wrong if anything is."""
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
    """Return champion and challenger beside each other, and how far they decide alike."""
    if not answer.rows or not answer.rows.rows:
        return [parts.notice(answer), html.P("" if answer.problem else NO_CHALLENGER, className="empty")]
    (pair,) = answer.rows.rows
    rows = [
        _rival(f"{pair.agreement.champion}, champion", pair.quality.champion_precision, pair.quality.champion_recall),
        _rival(f"{pair.agreement.challenger}, challenger", pair.quality.challenger_precision, pair.quality.challenger_recall),
    ]
    told = f"{_judged_alike(pair.quality, label_delay)} {_decided_alike(pair.agreement)}"
    return [parts.notice(answer), parts.table(RIVAL_HEADS, rows, html.P()), html.P(told, className="remark")]


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
    replayed = sum(day.replayed for day in days)
    if replayed:
        told.append(
            f"{formats.count(replayed)} were scored more than a day after they were made: "
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


def _rival(name: str, precision: float | None, recall: float | None) -> html.Tr:
    shown = formats.NOTHING if precision is None else f"{precision:.3f}"
    return parts.line(RIVAL_HEADS, [name, shown, formats.percent(recall)])


def _judged_alike(quality: Quality, label_delay: timedelta) -> str:
    if not quality.frauds:
        return f"No fraud among the payments of both that are {label_delay.days} days old."
    return (
        f"On {formats.count(quality.payments)} mature payments with {formats.count(quality.frauds)} frauds, "
        f"of which each stops {formats.count(quality.stopped)}."
    )


def _decided_alike(pair: Agreement) -> str:
    either = pair.stopped + pair.would_stop - pair.both
    alike = formats.percent(1 - (either - pair.both) / pair.payments, 2)
    correlation = formats.NOTHING if pair.correlation is None else f"{pair.correlation:.2f}"
    return (
        f"Last 24 h, at the champion's threshold: the same decision on {alike} of {formats.count(pair.payments)} payments; of "
        f"{formats.count(either)} that either would stop, both would stop {formats.count(pair.both)}. "
        f"Correlation of probabilities {correlation}."
    )
