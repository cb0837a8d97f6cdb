"""Scores payments inside the stream: reads the states, folds the batch, predicts, writes the
states, and returns the scores.
"""

import math
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark import Broadcast
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from pipelines.base import logs
from pipelines.base.arrays import SECOND_US, Floats, Records
from pipelines.base.errors import ServiceUnreachable, raise_unless_awaited
from pipelines.base.kill_points import reach
from pipelines.base.settings import settings
from pipelines.contracts.avro import encode, encode_around, float_arrays
from pipelines.contracts.contract import Writer
from pipelines.fraud import alerts
from pipelines.fraud.features import payment_records
from pipelines.fraud.features.card_fold import late
from pipelines.fraud.features.feature_set import FEATURE_SET, FEATURES
from pipelines.fraud.features.fold import States, fold, nothing_known
from pipelines.fraud.features.payment_records import Keys
from pipelines.fraud.model import decisions, fraud_model
from pipelines.fraud.model.answers import answers
from pipelines.fraud.store import FraudStore, Reading
from pipelines.models.packed import Packed
from pipelines.models.serving import Serving
from pipelines.online_store.client import Client
from pipelines.online_store.two_version_records import Batch
from pipelines.silver.fraud_scores import TABLE
from pipelines.silver.payments import purchases
from pipelines.silver.refining import LINEAGE
from pipelines.streaming.micro_batch import this_batch

log = logs.get(__name__)

PAYMENT_COLUMNS = sorted({*payment_records.COLUMNS, "payment_id", "currency"})
SCORE_COLUMNS = [column for column in TABLE.columns if column not in LINEAGE]
SHADOW = {"challenger_version": pa.string(), "challenger_probability": pa.float64(), "challenger_decision": pa.string()}
SCORE_NAMES = [column.name for column in SCORE_COLUMNS]
# The features leave Python as bytes of Avro: as an array Spark would box each of them three times,
# a third of all its work.
SCORE_SCHEMA = ", ".join(f"{column.name} {'binary' if column.name == 'features' else column.type}" for column in SCORE_COLUMNS)


def score(payments: DataFrame, first_model: "Broadcast[Packed]", trial_of: Batch | None = None) -> DataFrame:
    """Return one score per payment of a stream whose cards each lie whole in one task, in order of
    arrival.

    `first_model` scores until the online store names another one. A payment that its card has
    folded before is left out: its score has been given. So is a refund, which nobody decides on.
    `trial_of` is the batch of a query that is only tried, without leaving states behind.
    """

    def score_task(batches: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
        arrived = list(batches)
        if any(batch.num_rows for batch in arrived):
            paid, batch, awaited_s = pa.Table.from_batches(arrived), trial_of or this_batch(), settings().fraud.awaited_s
            scored = score_batch(paid, batch, _store(), _serving(first_model), awaited_s, writes=trial_of is None)
            yield from with_bytes(scored).to_batches()

    return purchases(payments).select(*PAYMENT_COLUMNS).mapInArrow(score_task, SCORE_SCHEMA)


def with_bytes(scores: pa.Table) -> pa.Table:
    """Return the scores with their features as the bytes of an Avro array."""
    features = scores["features"].combine_chunks().flatten().to_numpy().reshape(len(scores), len(FEATURES))
    return scores.set_column(SCORE_NAMES.index("features"), "features", float_arrays(features))


def messages(scores: DataFrame, scored: Writer, alerting: Writer) -> DataFrame:
    """Return what is to be sent, (topic, key, value): every score, keyed by card, and an alert of
    each declined payment.

    The scores' features are bytes of Avro (`with_bytes`).
    """
    score = _message(scored, "card_id", encode_around("features", SCORE_NAMES, scored))
    alert = _message(alerting, "payment_id", encode(alerts.of_fraud(), alerting))
    sent = F.when(F.col("decision") == decisions.DECLINE, F.array(score, alert)).otherwise(F.array(score))
    return scores.select(F.explode(sent).alias("message")).select("message.*")


def _message(writer: Writer, key: str, value: Column) -> Column:
    return F.struct(F.lit(writer.topic).alias("topic"), F.col(key).alias("key"), value.alias("value"))


@cache
def _store() -> FraudStore:
    """Return this worker's store, whose connections live as long as the worker."""
    return FraudStore(Client(settings().valkey))


_in_use: dict[str, Serving[fraud_model.Model]] = {}


def _serving(first_model: "Broadcast[Packed]") -> Serving[fraud_model.Model]:
    """Return what this worker serves with; workers live for many batches."""
    if "model" not in _in_use:
        _in_use["model"] = serving(first_model.value)
    return _in_use["model"]


def serving(packed: Packed) -> Serving[fraud_model.Model]:
    """Return a fraud model in use; raises ModelError where it may not serve."""
    return Serving(fraud_model.load(packed), fraud_model.load)


def score_batch(
    paid: pa.Table,
    batch: Batch,
    store: FraudStore,
    serving: Serving[fraud_model.Model],
    awaited_s: float = math.inf,
    *,
    writes: bool = True,
) -> pa.Table:
    """Return the scores of a batch's payments, one row per payment that is not repeated, and leave
    the states of their cards and devices behind in the store, unless it `writes` nothing.

    The scores are `degraded` when the store fails, because the states then miss these payments.
    Where it failed at the reading, they are made from what the payments say themselves. But where
    the newest payment is older than `awaited_s`, so that nobody waits for the scores, a store that
    does not answer raises ServiceUnreachable: the batch is to be done again. Raises CheckpointError
    where another process has gone on to a later batch.
    """
    keys, payments = payment_records.keyed(paid, settings().ids.none)
    awaited = _age_s(payments.records) <= awaited_s
    reading = _read(keys, batch, store, serving, awaited=awaited)
    reach("after_store_read")
    known = nothing_known(keys) if reading is None else reading.known
    came_late = pa.nulls(len(paid), pa.bool_())
    if reading is not None:
        came_late = pa.array(late(known.states.cards, payments.card, payments.records))
    features, states, repeated = fold(known, payments)
    in_states = writes and reading is not None and _write(keys, known.states, states, batch, store, awaited=awaited)
    reach("after_store_write")
    fresh = paid.append_column("late", came_late).filter(pa.array(~repeated))
    return _scores(fresh, features[~repeated], serving, batch, in_states=in_states)


def _age_s(payments: Records) -> float:
    """Return how many seconds ago the newest payment was made."""
    return time.time() - float(payments["at_us"].max(initial=0)) / SECOND_US


def _read(keys: Keys, batch: Batch, store: FraudStore, serving: Serving[fraud_model.Model], *, awaited: bool) -> Reading | None:
    """Return what the batch starts from, None without a store; take up a newly published model."""
    try:
        reading = store.read(keys, batch, serving.model.name)
    except ServiceUnreachable as error:
        raise_unless_awaited(awaited, error)
        log.warning("scoring_degraded", batch=batch.number, cards=len(keys.cards), error=str(error))
        return None
    _follow(reading, store, serving)
    return reading


def _follow(reading: Reading, store: FraudStore, serving: Serving[fraud_model.Model]) -> None:
    """Take up the published models, or go on with those in use where one cannot be fetched; the
    next batch tries again.
    """
    try:
        serving.follow(reading.model_version, store.models)
        serving.shadow(reading.challenger_version, store.models)
    except ServiceUnreachable as error:
        log.warning("model_not_fetched", version=reading.model_version, serving=serving.model.version, error=str(error))


def _write(keys: Keys, before: States, after: States, batch: Batch, store: FraudStore, *, awaited: bool) -> bool:
    """Return whether the store has taken the states."""
    try:
        store.write(keys, before, after, batch)
    except ServiceUnreachable as error:
        raise_unless_awaited(awaited, error)
        log.error("card_states_not_written", batch=batch.number, cards=len(keys.cards), error=str(error))
        return False
    return True


def _scores(
    payments: pa.Table, features: Floats, serving: Serving[fraud_model.Model], batch: Batch, *, in_states: bool
) -> pa.Table:
    model, given, count = serving.model, answers(serving.model, features), len(payments)
    if not given.is_number.all():
        without = int((~given.is_number).sum())
        log.error("model_gave_no_number", batch=batch.number, version=model.version, payments=without, of=count)
    columns = {
        **{name: payments[name] for name in ("event_at", "payment_id", "card_id", "amount", "currency", "late")},
        "event_id": pc.binary_join_element_wise("score", payments["event_id"], "-"),
        "probability": given.probability,
        "decision": given.decision,
        "reasons": pa.array(given.reasons, pa.list_(pa.string())),
        "features": _lists(features),
        "feature_set": pa.repeat(FEATURE_SET, count),
        "model_name": pa.repeat(model.name, count),
        "model_version": pa.repeat(model.version, count),
        "degraded": ~given.is_number | (not in_states),
        **_shadow(serving.challenger, features),
        "scored_at": pa.repeat(pa.scalar(datetime.now(UTC), pa.timestamp("us", "UTC")), count),
    }
    return pa.table({column.name: columns[column.name] for column in SCORE_COLUMNS})


def _shadow(challenger: fraud_model.Model | None, features: Floats) -> dict[str, pa.Array]:
    """Return the challenger's version and probabilities, and what it would decide by its own
    thresholds; nulls without one, and no probability where it gives no number.
    """
    count = len(features)
    if challenger is None:
        return {name: pa.nulls(count, kind) for name, kind in SHADOW.items()}
    probability = fraud_model.predict(challenger, features).astype(np.float64)
    decision = decisions.decide(probability, challenger.policy.thresholds)
    columns = (
        pa.repeat(challenger.version, count),
        pa.array(probability, mask=~np.isfinite(probability)),
        pa.array(decision),
    )
    return dict(zip(SHADOW, columns, strict=True))


def _lists(features: Floats) -> pa.Array:
    rows, width = features.shape
    return pa.ListArray.from_arrays(pa.array(np.arange(0, (rows + 1) * width, width), pa.int32()), pa.array(features.ravel()))
