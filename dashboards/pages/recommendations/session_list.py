"""One session's list on the page: what is on it and why, what was left out by which rule, and the
clicks that led to it. Pure: no IO, no clock.
"""

from datetime import datetime
from typing import Any

from dashboards.cache import Answer
from dashboards.look import formats, messages, tables
from dashboards.look.tables import Filled, Row
from dashboards.pages.recommendations.board import Seen
from dashboards.pages.recommendations.comparison import named
from dashboards.pages.recommendations.queries import Click, Recommended

# In the order of the counts in a record: pipelines/recommendations/model/lists.py.
RULES = ("bought or in the cart", "out of stock", "not sold any more", "too many of one seller")
ACTION_TONES = {"purchase": "good", "add_to_cart": "late", "remove_from_cart": "bad"}


def products(answer: Answer[Seen | None], session_id: str) -> Filled:
    """Return a list's products from the first place on, under what is wrong or missing."""
    seen = answer.rows
    if seen is None:
        return tables.filled([], answer, _missing(session_id))
    rows = [_product(place, seen) for place in range(len(seen.recommended.products))]
    nothing = "This visitor is shown no lists." if seen.recommended.variant == "none" else "Nothing was left to recommend."
    return tables.filled(rows, answer, messages.empty(nothing))


def clicks(answer: Answer[Seen | None]) -> Filled:
    """Return the clicks up to the list, the newest first."""
    seen = answer.rows
    if seen is None:
        return tables.filled([], answer, "")
    rows = [_click(number, click, seen) for number, click in enumerate(seen.clicks)]
    return tables.filled(rows, answer, messages.empty("The clicks of this list are not in `silver.clicks` yet."))


def note(seen: Seen | None, now: datetime) -> str:
    """Return who made a list when, and what was left out of it by which rule."""
    if seen is None:
        return ""
    found = seen.recommended
    index = f"{found.model_name} {found.model_version}" if found.model_version else "nobody: there was no index yet"
    degraded = ", degraded: without what the online store knows of the session" if found.degraded else ""
    return (
        f"Session {found.session_id}, variant {named(found.variant)}: made {formats.ago(found.recommended_at, now)} after the "
        f"click of {found.event_at:%Y-%m-%d %H:%M:%S} UTC by {index}, first product from {formats.words(found.fallback)}"
        f"{degraded}. {_left_out(found)}"
    )


def _left_out(found: Recommended) -> str:
    names = [*RULES, *(f"rule {number}" for number in range(len(RULES) + 1, len(found.left_out) + 1))]
    counts = [f"{count} {rule}" for rule, count in zip(names, found.left_out, strict=False) if count]
    return f"Left out: {', '.join(counts)}." if counts else "Nothing was left out by a rule."


def _missing(session_id: str) -> Any:
    if not session_id:
        return messages.nothing("lists")
    return messages.empty(f"Session {session_id} has no list: is it spelled as in `gold.recommendations`?")


def _product(place: int, seen: Seen) -> Row:
    found = seen.recommended
    product = found.products[place]
    reason, score, team = (_at(values, place) for values in (found.reasons, found.scores, found.teams))
    return tables.row(
        f"{found.session_id} {place}",
        place=tables.count(place + 1),
        product=tables.cell(product, product, product),
        category=_category(product, seen),
        reason=tables.cell(reason or "", reason or formats.NOTHING, reason),
        team=tables.cell(team or "", named(team) if team else formats.NOTHING),
        score=tables.cell(score, formats.NOTHING if score is None else f"{score:.3f}"),
    )


def _click(number: int, click: Click, seen: Seen) -> Row:
    before_s = (seen.recommended.event_at - click.event_at).total_seconds()
    action = formats.words(click.action)
    return tables.row(
        f"{seen.recommended.session_id} {click.event_at} {number}",
        age=tables.cell(before_s, formats.age(before_s)),
        action={**tables.badge(click.action, ACTION_TONES), "text": action},
        product=tables.cell(click.product_id, click.product_id, click.product_id),
        category=_category(click.product_id, seen),
    )


def _category(product: str, seen: Seen) -> tables.Cell:
    words = formats.words(seen.categories.get(product, formats.NOTHING))
    return tables.cell(words, words, words)


def _at(values: list[Any], place: int) -> Any:
    return values[place] if place < len(values) else None
