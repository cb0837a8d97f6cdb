"""Answers to the fraud page's tiles, tables and sentences. Pure: no IO, no clock."""

from datetime import datetime, timedelta
from typing import Any

import dash_mantine_components as dmc

from dashboards.cache import Answer
from dashboards.currencies import main_currency
from dashboards.look import formats, messages, tables
from dashboards.look.cards import tile
from dashboards.look.tables import Filled, Row
from dashboards.pages.fraud import drift, maturity
from dashboards.pages.fraud.board import Dated
from dashboards.pages.fraud.drift import Distributions
from dashboards.pages.fraud.maturity import Day
from dashboards.pages.fraud.queries import Suspect, Version
from dashboards.pages.fraud.shadow import Agreement, Ranking, Shadow, Stopped, stops

REASONS_SHOWN = 3
NO_CHALLENGER = "No challenger scores in the shadow."
RIVAL_HEADS = ["Version", "Average precision", "Stopped", "Recall", "Caught", "Honest stopped"]
DECISIONS = ("approve", "review", "decline")
AGREEMENT_HEADS = ["Champion ↓ challenger →", *(decision.capitalize() for decision in DECISIONS)]
SHOWN = {"all": ("review", "decline"), "review": ("review",), "decline": ("decline",)}
TONES = {"stable": "good", "moved": "late", "drifted": "bad"}


def tiles(versions: list[Version], days: list[Day], currency: str, known: Distributions) -> list[dmc.Paper]:
    """Return the page's large numbers; a number that is not known is a dash."""
    return [*_stopped_tiles(versions), *_judged_tiles(maturity.together(days, mature=True), currency), _drift_tile(known)]


def queue(answer: Answer[Dated[Suspect] | None], shown: tuple[str, ...]) -> Filled:
    """Return the payments with one of these decisions, the likeliest frauds first, under what is
    wrong if anything is.
    """
    if answer.rows is None:
        return tables.filled([], answer, messages.nothing("payments scored"))
    rows = [_suspect(row, answer.rows.newest) for row in answer.rows.rows if row.decision in shown]
    return tables.filled(rows, answer, messages.empty("Nothing to look at."))


def versions(answer: Answer[Dated[Version] | None]) -> Filled:
    """Return what each version of the model scored, the one in use first."""
    rows = [_version(row) for row in answer.rows.rows] if answer.rows else []
    return tables.filled(rows, answer, messages.nothing("payments scored"))


def shadow(answer: Answer[Dated[Shadow] | None], label_delay: timedelta) -> list[Any]:
    """Return champion and challenger beside each other on mature payments, and how far they decide
    alike.
    """
    wrong = messages.notice(answer)
    if not answer.rows or not answer.rows.rows:
        return [wrong or messages.empty(NO_CHALLENGER)]
    (pair,) = answer.rows.rows
    return [
        wrong,
        _small_table(RIVAL_HEADS, _rivals(pair)),
        messages.remark(_judged_alike(pair.ranking, label_delay), mb="sm"),
        _small_table(AGREEMENT_HEADS, _agreement(pair.agreement)),
        messages.remark(_decided_alike(pair.agreement)),
    ]


def labels(days: list[Day], label_delay: timedelta) -> str:
    """Return how many labels the judged days rest on, and what counts as one."""
    mature, young = (maturity.together(days, mature=mature) for mature in (True, False))
    sentences = []
    if mature:
        sentences.append(
            f"Mature: {formats.count(mature.payments)} payments, of which the bank called {formats.count(mature.frauds)} fraud "
            f"and cleared {formats.count(mature.cleared)}; the others count as legitimate after {label_delay.days} days "
            "without a finding."
        )
    if young:
        sentences.append(
            f"Still maturing: {formats.count(young.payments)} payments with {formats.count(young.findings)} findings so far, "
            "which is all that their days show."
        )
    in_hindsight = sum(day.in_hindsight for day in days)
    if in_hindsight:
        sentences.append(
            f"{formats.count(in_hindsight)} were scored more than a day after they were made: "
            "their model may have been trained on them."
        )
    return " ".join(sentences)


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


def _stopped_tiles(versions: list[Version]) -> list[dmc.Paper]:
    payments = sum(row.payments for row in versions)
    counts = {"To review": sum(row.review for row in versions), "Declined": sum(row.decline for row in versions)}
    return [
        tile(
            f"{label}, last 24 h",
            formats.count(count if versions else None),
            f"{formats.percent(count / payments, 2)} of {formats.count(payments)} payments" if payments else "",
        )
        for label, count in counts.items()
    ]


def _judged_tiles(mature: Day | None, currency: str) -> list[dmc.Paper]:
    if mature is None:
        return [tile(label, formats.NOTHING, "no mature day yet") for label in ("Precision", "Recall", "Caught")]
    fraud = mature.caught_amount + mature.missed_amount
    return [
        tile("Precision, mature days", formats.percent(mature.precision), f"of {formats.count(mature.stopped)} stopped"),
        tile("Recall, mature days", formats.percent(mature.recall), f"of {formats.count(mature.frauds)} frauds"),
        tile(
            "Caught, mature days",
            formats.rounded(mature.caught_amount, currency),
            f"of {formats.rounded(fraud, currency)} fraud",
        ),
    ]


def _drift_tile(known: Distributions) -> dmc.Paper:
    index = drift.stability_index(*known)
    verdict = drift.verdict(index, drift.by_chance(*known))
    return tile(
        "Score drift, stability index", formats.NOTHING if index is None else f"{index:.3f}", verdict, TONES.get(verdict, "")
    )


def _suspect(row: Suspect, newest: datetime) -> Row:
    age_s = (newest - row.event_at).total_seconds()
    return tables.row(
        f"{row.payment_id} {row.event_at}",
        payment=tables.short_id(row.payment_id, f"{row.payment_id}, model {row.model_version}"),
        card=tables.short_id(row.card_id, row.card_id),
        age=tables.cell(age_s, formats.age(age_s)),
        decision=tables.badge(row.decision, tables.DECISION_TONES),
        probability=tables.bar(row.probability, row.decision),
        why=tables.reasons(row.reasons, degraded=row.degraded, shown=REASONS_SHOWN),
        amount=tables.amount(row.amount, row.currency),
    )


def _version(row: Version) -> Row:
    model = f"{row.model_name} {row.model_version}"
    return tables.row(
        model,
        model=tables.cell(model, model),
        payments=tables.count(row.payments),
        review=tables.ratio(row.review / row.payments),
        decline=tables.ratio(row.decline / row.payments),
        degraded=tables.ratio(row.degraded / row.payments),
    )


def _rivals(pair: Shadow) -> list[list[Any]]:
    currency = main_currency((fate.currency, fate.payments) for fate in pair.fates)
    versions = (
        (f"{pair.agreement.champion}, champion", pair.ranking.champion_precision, False),
        (f"{pair.agreement.challenger}, challenger", pair.ranking.challenger_precision, True),
    )
    return [
        _rival(name, precision, pair.ranking, stops(pair.fates, currency, challenger=challenger), currency)
        for name, precision, challenger in versions
    ]


def _rival(name: str, precision: float | None, ranking: Ranking, stopped: Stopped, currency: str) -> list[Any]:
    known = [
        formats.count(stopped.payments),
        formats.rounded(stopped.caught, currency),
        formats.rounded(stopped.honest, currency),
    ]
    payments, caught, honest = known if ranking.payments else [formats.NOTHING] * 3
    recall = formats.percent(stopped.frauds / ranking.frauds if ranking.frauds else None)
    return [name, formats.NOTHING if precision is None else f"{precision:.3f}", payments, recall, caught, honest]


def _agreement(pair: Agreement) -> list[list[Any]]:
    return [
        [_badge(champion), *(formats.count(pair.decisions.get((champion, challenger), 0)) for challenger in DECISIONS)]
        for champion in DECISIONS
    ]


def _badge(decision: str) -> dmc.Badge:
    return dmc.Badge(decision, color=f"var(--{tables.DECISION_TONES[decision]})")


def _small_table(heads: list[str], rows: list[list[Any]]) -> dmc.TableScrollContainer:
    """Return a table of a few rows that nobody needs to sort; all but its first column are
    numbers.
    """
    head, *numbers = heads
    top = dmc.TableTr([dmc.TableTh(head), *(dmc.TableTh(name, ta="right") for name in numbers)])
    lines = [dmc.TableTr([dmc.TableTd(first), *(dmc.TableTd(cell, ta="right") for cell in cells)]) for first, *cells in rows]
    return dmc.TableScrollContainer(dmc.Table([dmc.TableThead(top), dmc.TableTbody(lines)]), minWidth=0)


def _judged_alike(ranking: Ranking, label_delay: timedelta) -> str:
    if not ranking.frauds:
        return f"No fraud among the payments of both that are {label_delay.days} days old."
    return (
        f"On {formats.count(ranking.payments)} mature payments with {formats.count(ranking.frauds)} frauds, "
        "each by its own thresholds."
    )


def _decided_alike(pair: Agreement) -> str:
    payments = sum(pair.decisions.values())
    alike = sum(count for (champion, challenger), count in pair.decisions.items() if champion == challenger)
    correlation = formats.NOTHING if pair.correlation is None else f"{pair.correlation:.2f}"
    return (
        f"Last 24 h, each by its own thresholds: the same decision on {formats.percent(alike / payments, 2)} of "
        f"{formats.count(payments)} payments. Correlation of probabilities {correlation}."
    )
