"""Recommends inside the stream: reads the sessions, folds the batch, makes a list per click, writes
the sessions with their newest lists, and returns the lists.
"""

import math
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from itertools import compress
from typing import NamedTuple

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from pipelines.base import logs
from pipelines.base.arrays import SECOND_US, Integers, Numbers, Records
from pipelines.base.errors import ServiceUnreachable, raise_unless_awaited
from pipelines.base.kill_points import reach
from pipelines.base.settings import Recommendations, settings
from pipelines.contracts.avro import encode
from pipelines.contracts.contract import Writer
from pipelines.models.serving import Expected
from pipelines.online_store.client import Client
from pipelines.online_store.two_version_records import Batch
from pipelines.recommendations import answers
from pipelines.recommendations.features import click_records
from pipelines.recommendations.features.click_records import Clicks
from pipelines.recommendations.features.session import GAP_US, fold, new_sessions
from pipelines.recommendations.model import recommender
from pipelines.recommendations.store import Reading, RecommendationStore, StoredList, Unavailable
from pipelines.silver.recommendations import TABLE
from pipelines.silver.refining import filled
from pipelines.streaming.micro_batch import this_batch

log = logs.get(__name__)

CLICK_COLUMNS = sorted({*click_records.COLUMNS, "visitor_id"})
COLUMNS = filled(TABLE)
NAMES = [column.name for column in COLUMNS]
SCHEMA = ", ".join(f"{column.name} {column.type}" for column in COLUMNS)


@dataclass
class InUse:
    """What a worker recommends with: the published model, if there is one yet, and which products
    cannot be bought.
    """

    model: Expected[recommender.Model]
    unavailable: Unavailable = field(default_factory=Unavailable)


class Changed(NamedTuple):
    """Sessions with their states before and after a batch (SESSION_STATE), one of each."""

    session_ids: list[str]
    before: Records
    after: Records


def in_use(model_name: str) -> InUse:
    """Return what a process recommends with before it has looked what is published."""
    return InUse(Expected(model_name, recommender.load))


def recommend(clicks: DataFrame, trial_of: Batch | None = None) -> DataFrame:
    """Return one list per click of a stream whose sessions each lie whole in one task, in order of
    arrival.

    A click that its session has folded before is left out, and so is one that is too old for
    anybody to wait. `trial_of` is the batch of a query that is only tried, without leaving states
    behind.
    """

    def recommend_task(batches: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
        arrived = list(batches)
        if any(batch.num_rows for batch in arrived):
            table, batch = pa.Table.from_batches(arrived), trial_of or this_batch()
            chosen = settings().recommendations
            made = recommend_batch(table, batch, _store(), _in_use(), chosen, chosen.awaited_s, writes=trial_of is None)
            yield from made.to_batches()

    return clicks.select(*CLICK_COLUMNS).mapInArrow(recommend_task, SCHEMA)


def messages(lists: DataFrame, writer: Writer) -> DataFrame:
    """Return what is to be sent, (topic, key, value): every list, keyed by its session."""
    value = encode(F.struct(*NAMES), writer).alias("value")
    return lists.select(F.lit(writer.topic).alias("topic"), F.col("session_id").alias("key"), value)


@cache
def _store() -> RecommendationStore:
    """Return this worker's store, whose connections live as long as the worker."""
    return RecommendationStore(Client(settings().valkey), settings().recommendations.kept_s)


@cache
def _in_use() -> InUse:
    """Return what this worker recommends with; workers live for many batches."""
    return in_use(settings().recommendations.model_name)


def recommend_batch(
    clicks: pa.Table,
    batch: Batch,
    store: RecommendationStore,
    using: InUse,
    chosen: Recommendations,
    awaited_s: float = math.inf,
    *,
    writes: bool = True,
) -> pa.Table:
    """Return the list after each of a batch's clicks that is not repeated and not older than
    `within_s`, and leave the states of their sessions behind in the store with the newest list of
    each, unless it `writes` nothing. A session that no click can come to any more that gets a list
    is not remembered: a shop's past would fill the store.

    The lists are `degraded` when the store fails, because the states then miss these clicks. Where
    it failed at the reading, they are made of the batch's clicks alone. But where the newest click
    is older than `awaited_s`, so that nobody waits for the lists, a store that does not answer
    raises ServiceUnreachable: the batch is to be done again. Raises CheckpointError where another
    process has gone on to a later batch.
    """
    arrived = click_records.keyed(clicks, settings().ids.none)
    age_s = _age_s(arrived.records["at_us"])
    awaited = bool(age_s.min(initial=math.inf) <= awaited_s)
    reading = _read(arrived, batch, store, using, awaited=awaited)
    reach("after_session_read")
    states = new_sessions(len(arrived.session_ids)) if reading is None else reading.states
    after, left, repeated = fold(states, arrived.session, arrived.records)
    wanted = ~repeated & (age_s <= chosen.within_s)
    given = answers.rules(chosen, using.unavailable.products)
    made = answers.answers(
        clicks.filter(pa.array(wanted)), after[wanted], arrived.records[wanted], using.model.model, given, chosen
    )
    held = _age_s(left["last_us"]) <= chosen.within_s + GAP_US / SECOND_US
    changed = Changed(list(compress(arrived.session_ids, held)), states[held], left[held])
    in_states = writes and reading is not None and _write(changed, batch, store, made, awaited=awaited)
    reach("after_session_write")
    return made if in_states else _degraded(made)


def _age_s(at_us: Integers) -> Numbers:
    """Return how many seconds ago each moment was."""
    age_s: Numbers = time.time() - at_us / SECOND_US
    return age_s


def _degraded(made: pa.Table) -> pa.Table:
    place = made.schema.get_field_index("degraded")
    return made.set_column(place, made.schema.field(place), pa.repeat(pa.scalar(True), len(made)))


def _read(arrived: Clicks, batch: Batch, store: RecommendationStore, using: InUse, *, awaited: bool) -> Reading | None:
    """Return what the batch starts from, None without a store; take up what is newly published."""
    try:
        reading = store.read(arrived.session_ids, batch, using.model.name)
    except ServiceUnreachable as error:
        raise_unless_awaited(awaited, error)
        log.warning("recommending_degraded", batch=batch.number, sessions=len(arrived.session_ids), error=str(error))
        return None
    _follow(reading, store, using)
    return reading


def _follow(reading: Reading, store: RecommendationStore, using: InUse) -> None:
    """Take up the published model and what cannot be bought, or go on with what is in use where it
    cannot be fetched; the next batch tries again.
    """
    try:
        using.model.follow(reading.model_version, store.models)
        using.unavailable.follow(reading.unavailable_us, store)
    except ServiceUnreachable as error:
        log.warning("recommender_not_fetched", version=reading.model_version, error=str(error))


def _write(changed: Changed, batch: Batch, store: RecommendationStore, made: pa.Table, *, awaited: bool) -> bool:
    """Return whether the store has taken the states and lists."""
    try:
        store.write(changed.session_ids, changed.before, changed.after, batch, newest(made))
    except ServiceUnreachable as error:
        raise_unless_awaited(awaited, error)
        log.error("sessions_not_written", batch=batch.number, sessions=len(changed.session_ids), error=str(error))
        return False
    return True


def newest(made: pa.Table) -> dict[str, StoredList]:
    """Return the last list of each session among lists in order of arrival."""
    last = {session_id: place for place, session_id in enumerate(made["session_id"].to_pylist())}
    rows = _with_microseconds(made.take(pa.array(list(last.values()), pa.int64()))).to_pylist()
    names = StoredList.__dataclass_fields__
    return {row["session_id"]: StoredList(**{name: row[name] for name in names}) for row in rows}


def _with_microseconds(made: pa.Table) -> pa.Table:
    """Return lists with their times also as microseconds since 1970, by the store's names."""
    for name in ("event_at", "model_built_at", "recommended_at"):
        made = made.append_column(name.replace("_at", "_us"), made[name].cast(pa.int64()))
    return made
