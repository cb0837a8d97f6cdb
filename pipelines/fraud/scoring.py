"""Scores payments inside the stream: reads the states, folds the batch, asks the model, writes the
states, answers.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyspark import Broadcast, TaskContext
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from pipelines.base import logs
from pipelines.base.arrays import Floats, Records
from pipelines.base.errors import ServiceUnreachable
from pipelines.base.kill_points import reach
from pipelines.base.settings import settings
from pipelines.contracts.avro import encode, encode_around, float_arrays
from pipelines.contracts.contract import Writer
from pipelines.fraud import alerts
from pipelines.fraud.features import device_fold, payment_records
from pipelines.fraud.features.card_fold import fold, late
from pipelines.fraud.features.card_state import FEATURE_SET, FEATURES, blank
from pipelines.fraud.features.device_state import unseen
from pipelines.fraud.features.seller_fold import tell_known
from pipelines.fraud.features.seller_state import unknown
from pipelines.fraud.model import decisions, fraud_model
from pipelines.models.packed import Packed
from pipelines.models.serving import Serving
from pipelines.online_store.client import Batch, Devices, OnlineStore, Reading
from pipelines.silver.fraud_scores import TABLE
from pipelines.silver.refining import LINEAGE

log = logs.get(__name__)

PAYMENT_COLUMNS = sorted({*payment_records.COLUMNS, "payment_id", "currency"})
SCORE_COLUMNS = [column for column in TABLE.columns if column not in LINEAGE]
SHADOW = {"challenger_version": pa.string(), "challenger_probability": pa.float64(), "challenger_decision": pa.string()}
SCORE_NAMES = [column.name for column in SCORE_COLUMNS]
# The features leave Python as bytes of Avro: as an array Spark would box each of them three times,
# a third of all its work.
SCORE_SCHEMA = ", ".join(f"{column.name} {'binary' if column.name == 'features' else column.type}" for column in SCORE_COLUMNS)


def score(payments: DataFrame, first_model: "Broadcast[Packed]") -> DataFrame:
    """Return one score per payment of a stream whose cards each lie whole in one task, in order of
    arrival.

    `first_model` scores until the online store names another one. A payment that its card has
    folded before is left out: its score has been given.
    """

    def score_task(batches: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
        arrived = list(batches)
        if any(batch.num_rows for batch in arrived):
            scored = score_batch(pa.Table.from_batches(arrived), _this_batch(), _store(), _serving(first_model))
            yield from with_bytes(scored).to_batches()

    return payments.select(*PAYMENT_COLUMNS).mapInArrow(score_task, SCORE_SCHEMA)


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


def _this_batch() -> Batch:
    task = TaskContext.get()
    if task is None:
        raise RuntimeError("score runs inside a Spark task only")
    return Batch(str(task.getLocalProperty("sql.streaming.queryId")), int(str(task.getLocalProperty("streaming.sql.batchId"))))


@cache
def _store() -> OnlineStore:
    return OnlineStore(settings().valkey)


_in_use: dict[str, Serving] = {}


def _serving(first_model: "Broadcast[Packed]") -> Serving:
    """Return what this worker serves with; workers live for many batches."""
    if "model" not in _in_use:
        _in_use["model"] = Serving(fraud_model.load(first_model.value))
    return _in_use["model"]


def score_batch(payments: pa.Table, batch: Batch, store: OnlineStore, serving: Serving) -> pa.Table:
    """Return the scores of a batch and leave the states of cards and devices behind in the store.

    The scores are `degraded` when the store fails, because the states then miss these payments.
    Where it failed at the reading, they are made from what the payments say themselves.
    """
    cards, card_of = payment_records.cards(payments)
    devices, device_of = payment_records.devices(payments)
    sellers, seller_of = payment_records.sellers(payments)
    records = payment_records.records(payments)
    reading = _read(cards, devices, sellers, batch, store, serving)
    reach("after_store_read")
    before = reading or Reading(blank(len(cards)), unseen(len(devices)), unknown(0), None)
    after, seen_after = before.states.copy(), before.devices.copy()
    came_late = pa.nulls(len(payments), pa.bool_()) if reading is None else pa.array(late(before.states, card_of, records))
    features, repeated = fold(after, card_of, records)
    device_fold.fold(seen_after, device_of, records, (~repeated).nonzero()[0], features)
    if reading is not None:
        tell_known(reading.sellers, seller_of, records, features)
    seen = Devices(devices, before.devices, seen_after)
    in_states = reading is not None and _write(cards, before.states, after, seen, batch, store)
    reach("after_store_write")
    fresh = payments.append_column("late", came_late).filter(pa.array(~repeated))
    return _scores(fresh, features[~repeated], serving, degraded=not in_states)


def _read(
    cards: list[str], devices: list[str], sellers: list[str], batch: Batch, store: OnlineStore, serving: Serving
) -> Reading | None:
    """Return what the batch starts from, None without a store; take up a newly published model."""
    try:
        reading = store.read(cards, batch, serving.model.name, sellers, devices)
    except ServiceUnreachable as error:
        log.warning("scoring_degraded", batch=batch.number, cards=len(cards), error=str(error))
        return None
    _follow(reading, store, serving)
    return reading


def _follow(reading: Reading, store: OnlineStore, serving: Serving) -> None:
    """Take up the published models, or go on with those in use where one cannot be fetched; the
    next batch tries again.
    """
    try:
        serving.follow(reading.model_version, store)
        serving.shadow(reading.challenger_version, store)
    except ServiceUnreachable as error:
        log.warning("model_not_fetched", version=reading.model_version, serving=serving.model.version, error=str(error))


def _write(cards: list[str], before: Records, after: Records, devices: Devices, batch: Batch, store: OnlineStore) -> bool:
    """Say whether the store has taken the states; a batch that it refuses is not done again, or it
    would stop all scoring.
    """
    try:
        store.write(cards, before, after, batch, devices)
    except ServiceUnreachable as error:
        log.error("card_states_not_written", batch=batch.number, cards=len(cards), error=str(error))
        return False
    return True


def _scores(payments: pa.Table, features: Floats, serving: Serving, *, degraded: bool) -> pa.Table:
    model = serving.model
    probability = fraud_model.predict(model, features).astype(np.float64)
    decision = decisions.decide(probability, model.policy.thresholds)
    count = len(payments)
    columns = {
        **{name: payments[name] for name in ("event_at", "payment_id", "card_id", "amount", "currency", "late")},
        "event_id": pc.binary_join_element_wise("score", payments["event_id"], "-"),
        "probability": probability,
        "decision": decision,
        "reasons": _reasons(model, features, decision != decisions.APPROVE),
        "features": _lists(features),
        "feature_set": pa.repeat(FEATURE_SET, count),
        "model_name": pa.repeat(model.name, count),
        "model_version": pa.repeat(model.version, count),
        "degraded": pa.repeat(degraded, count),
        **_shadow(serving.challenger, features),
        "scored_at": pa.repeat(pa.scalar(datetime.now(UTC), pa.timestamp("us", "UTC")), count),
    }
    return pa.table({column.name: columns[column.name] for column in SCORE_COLUMNS})


def _shadow(challenger: fraud_model.Model | None, features: Floats) -> dict[str, pa.Array]:
    """Return what the challenger says, and what it would decide by its own thresholds; nulls
    without one.
    """
    count = len(features)
    if challenger is None:
        return {name: pa.nulls(count, kind) for name, kind in SHADOW.items()}
    said = fraud_model.predict(challenger, features).astype(np.float64)
    decision = decisions.decide(said, challenger.policy.thresholds)
    told = (pa.repeat(challenger.version, count), pa.array(said), pa.array(decision))
    return dict(zip(SHADOW, told, strict=True))


def _reasons(model: fraud_model.Model, features: Floats, suspicious: npt.NDArray[np.bool_]) -> pa.Array:
    told = iter(fraud_model.reasons(model, features[suspicious]))
    return pa.array([next(told) if asked else [] for asked in suspicious], pa.list_(pa.string()))


def _lists(features: Floats) -> pa.Array:
    rows, width = features.shape
    return pa.ListArray.from_arrays(pa.array(np.arange(0, (rows + 1) * width, width), pa.int32()), pa.array(features.ravel()))
