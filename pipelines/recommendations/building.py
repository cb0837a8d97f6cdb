"""Builds an index of the newest sessions of gold.sessions: whole, or from those that the last
version was built from and those that have ended since, which are the same sessions and so give the
same index.

The newest sessions are held out: an index is measured on what it has not learned from, as it will
serve.
"""

import hashlib
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pyarrow as pa
from pyiceberg.catalog import Catalog
from pyiceberg.expressions import And, BooleanExpression, EqualTo, GreaterThan, LessThanOrEqual
from pyiceberg.table import Table as IcebergTable

from pipelines.base import logs
from pipelines.base.errors import ModelError
from pipelines.base.placeholders import NoId
from pipelines.gold.sessions import TABLE as SESSIONS
from pipelines.lake import arrow
from pipelines.lake.arrow import EVERY
from pipelines.models.packed import Packed
from pipelines.recommendations import catalogue, quality, training_sessions
from pipelines.recommendations.catalogue import Lines, Stock
from pipelines.recommendations.model import recommender
from pipelines.recommendations.model.building import build
from pipelines.recommendations.model.options import Options
from pipelines.recommendations.model.sessions import Catalogue, Sessions
from pipelines.recommendations.training_sessions import MOST_CLICKS

HELD_OUT_SHARE, LEAST_HELD_OUT, MOST_HELD_OUT, LARGEST_SHARE = 0.02, 200, 20_000, 0.2
A_PERSONS = LessThanOrEqual(term="clicks", value=MOST_CLICKS)
FIRST = EqualTo(term="version", value=1)  # of an order: later ones have the same lines
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

log = logs.get(__name__)


class Past(NamedTuple):
    """The table gold.sessions as it was at a snapshot."""

    table: IcebergTable
    snapshot_id: int

    def rows(self, columns: Sequence[str], where: BooleanExpression) -> Iterator[pa.RecordBatch]:
        """Return columns of the rows of persons that meet a condition."""
        return arrow.batches(self.table, columns, self.snapshot_id, And(A_PERSONS, where))


class Before(NamedTuple):
    """What the last version was built from: its sessions, and how many rows of persons
    gold.sessions had of sessions up to the end of the last of them.
    """

    sessions: Sessions
    rows: int


class Built(NamedTuple):
    """An index that has been measured, ready to be registered."""

    content: bytes
    sessions: bytes
    learned_until_us: int
    metrics: dict[str, float]


def past(lake: Catalog) -> Past:
    """Return gold.sessions as it is now; raises ModelError where nobody has ever written it."""
    table = arrow.find(lake, SESSIONS)
    snapshot = table.current_snapshot() if table else None
    if table is None or snapshot is None:
        raise ModelError("There are no sessions to go by: gold.sessions is empty; let visitors come (make demo).")
    return Past(table, snapshot.snapshot_id)


def gathered(came: Past, most: int, no_id: NoId, before: Before | None = None) -> Sessions:
    """Return the newest `most` sessions, in order.

    Those `before` are not read again, where the table still holds as many rows of them.
    """
    if before is None or not before.sessions.count:
        return training_sessions.gathered(came.rows(training_sessions.COLUMNS, EVERY), most, no_id)
    until_us = int(training_sessions.ends(before.sessions)[-1])
    if (rows := rows_until(came, until_us)) != before.rows:
        log.warning("built_whole", reason="gold.sessions has other rows of old sessions", rows=rows, rows_then=before.rows)
        return gathered(came, most, no_id)
    since = came.rows(training_sessions.COLUMNS, GreaterThan(term="ended_at", value=_moment(until_us)))
    return training_sessions.gathered(since, most, no_id, before.sessions)


def rows_until(came: Past, until_us: int) -> int:
    """Return how many rows of persons there are of sessions that ended until a moment."""
    ended = LessThanOrEqual(term="ended_at", value=_moment(until_us))
    return sum(len(batch) for batch in came.rows(("ended_at",), ended))


def parts(sessions: Sessions) -> tuple[Sessions, Sessions]:
    """Return the sessions that an index learns from, and the newest ones, which are held out."""
    held_out = min(max(round(sessions.count * HELD_OUT_SHARE), LEAST_HELD_OUT), MOST_HELD_OUT)
    return training_sessions.parted(sessions, min(held_out, round(sessions.count * LARGEST_SHARE)))


def ordered(table: IcebergTable | None) -> Lines:
    """Return what silver.orders says of products."""
    return catalogue.lines(arrow.batches(table, catalogue.ORDERS, where=FIRST))


def held(table: IcebergTable | None) -> Stock:
    """Return what gold.stock_levels says of products."""
    return catalogue.stock(arrow.batches(table, catalogue.STOCK))


def built(learned: Sessions, unseen: Sessions, known: Catalogue, options: Options) -> Built:
    """Return the index of sessions, measured on `unseen` ones.

    Raises ModelError where there is no session to learn from.
    """
    if not learned.count:
        raise ModelError("There is nothing to learn from: gold.sessions has no session of a person yet; let visitors come.")
    begun = time.perf_counter()
    content = recommender.packed_bytes(build(learned, known, options))
    build_s = time.perf_counter() - begun
    counts = {"sessions": learned.count, "clicks": len(learned.items), "products": len(learned.products)}
    metrics = {**{f"{name}_count": float(count) for name, count in counts.items()}, "build_s": build_s}
    metrics |= {"index_bytes": float(len(content)), **measured(content, learned, unseen)}
    return Built(content, training_sessions.packed(learned), int(training_sessions.ends(learned)[-1]), metrics)


def measured(content: bytes, learned: Sessions, unseen: Sessions) -> dict[str, float]:
    """Return how good an index is on unseen sessions, beside popularity; nothing where they ask
    nothing.
    """
    model = recommender.load(Packed("measured", "0", recommender.FORMAT, hashlib.sha256(content).hexdigest(), content))
    questions = quality.questions(unseen)
    if not len(questions.answer):
        return {}
    answers, shown = quality.answered(model, questions)
    popular = quality.by_popularity(learned, questions).figures
    figures = {**answers.figures, **{f"popularity_{name}": value for name, value in popular.items()}}
    (us,) = quality.us_per_query([model], questions)
    counts = {"questions_count": float(len(questions.answer)), "shown_count": float(shown)}
    return {**figures, **counts, "shown_share": shown / len(learned.products), "query_us": us}


def _moment(us: int) -> datetime:
    return EPOCH + timedelta(microseconds=us)
