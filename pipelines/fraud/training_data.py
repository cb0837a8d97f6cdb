"""The history that fraud models learn from: labelled payments, folded as the stream folds them, or
as it logged them.

All payments ever are folded, slice by slice, because states remember all of them; features are kept
of the newest only.
"""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from pipelines.base import logs
from pipelines.base.arrays import DAY_US, Floats, Integers, Records
from pipelines.base.errors import ModelError
from pipelines.base.settings import Fraud, settings
from pipelines.fraud import arrivals
from pipelines.fraud.features import device_fold, labels, payment_records
from pipelines.fraud.features.card_fold import fold
from pipelines.fraud.features.card_state import CARD_STATE
from pipelines.fraud.features.device_state import DEVICE_STATE
from pipelines.fraud.features.feature_set import AMOUNT_Z, FEATURE_SET, FEATURES
from pipelines.fraud.features.labels import Findings
from pipelines.fraud.features.payment_records import NOBODY
from pipelines.fraud.features.seller_fold import learn_and_write_features
from pipelines.fraud.features.seller_state import SELLER_STATE
from pipelines.fraud.model.history import History, begin_us
from pipelines.fraud.states_by_id import StatesById
from pipelines.silver.chargebacks import TABLE as CHARGEBACKS
from pipelines.silver.fraud_scores import TABLE as SCORES
from pipelines.silver.payments import TABLE as PAYMENTS
from pipelines.silver.payments import purchases
from pipelines.silver.refining import one_per_id
from pipelines.table import Table

LOGGED = ("event_at", "card_id", "amount", "features")
# Label delays that are learned from however many payments they hold: a quarter is for measuring,
# and one delay lies between.
LEAST_DELAYS = 4

LAST_US = 2**63 - 1

log = logs.get(__name__)


def snapshot(spark: SparkSession, table: Table) -> str:
    """Return the id of the table's current snapshot; raises ModelError where nothing was ever
    written.
    """
    row = spark.table(f"{table.name}.refs").filter("name = 'main'").select("snapshot_id").first()
    if row is None:
        raise ModelError(f"There is nothing to go by: {table.name} is empty; let history arrive (python -m simulator --help).")
    return str(row["snapshot_id"])


def read(spark: SparkSession, table_name: str, snapshot_id: str) -> DataFrame:
    """Return a table as it was at a snapshot."""
    return spark.read.option("versionAsOf", snapshot_id).table(table_name)


def newest(spark: SparkSession, fraud: Fraud) -> tuple[dict[str, str], History]:
    """Return the ids of the newest snapshots of payments and chargebacks, and the history that they
    hold, as the settings say how much of it.
    """
    snapshots = {table.name: snapshot(spark, table) for table in (PAYMENTS, CHARGEBACKS)}
    made, charged_back = (read(spark, name, snapshot_id) for name, snapshot_id in snapshots.items())
    paid = purchases(made)
    return snapshots, history(labelled_slices(paid, charged_back), fraud.label_delay_days, _reach(paid, fraud))


def newest_logged(spark: SparkSession, fraud: Fraud) -> tuple[dict[str, str], History]:
    """Return the ids of the newest snapshots of scores and chargebacks, and the history with the
    features that were logged, as far back as the settings say.

    Raises ModelError where no score has features of this code.
    """
    snapshots = {table.name: snapshot(spark, table) for table in (SCORES, CHARGEBACKS)}
    scored, charged_back = (read(spark, name, snapshot_id) for name, snapshot_id in snapshots.items())
    reach = _reach(scored, fraud)
    found = label_scores(scored.filter(reach.holds(F.unix_micros("event_at"))), charged_back).toArrow()
    if not len(found):
        raise ModelError(f"No payment was scored with the features of {FEATURE_SET} yet: train on history (make train).")
    return snapshots, logged(found)


class Reach(NamedTuple):
    """Of which payments features are needed: of those made from `since_us` to `until_us`, and of
    the newest, which says until when labels have matured.
    """

    since_us: int
    until_us: int
    newest_us: int

    def holds(self, at_us: Any) -> Any:
        """Return which moments (us), an array or a column, it holds."""
        return ((at_us >= self.since_us) & (at_us <= self.until_us)) | (at_us == self.newest_us)


ALL = Reach(0, LAST_US, LAST_US)


def _reach(rows: DataFrame, fraud: Fraud) -> Reach:
    """Return which payments, or scores of them, the settings have learned from: matured ones."""
    at_us, delay_us = F.unix_micros("event_at"), fraud.label_delay_days * DAY_US
    (newest,) = rows.agg(F.max(at_us).alias("newest_us")).toArrow()["newest_us"].to_pylist()
    newest_us = newest or 0
    mature = rows.filter(at_us <= newest_us - delay_us)
    by_day = mature.groupBy((at_us / DAY_US).cast("bigint").alias("day")).count().toArrow()
    day, payments = (by_day[name].to_numpy() for name in ("day", "count"))
    least_days = LEAST_DELAYS * max(fraud.label_delay_days, 1)
    since_us = begin_us(day, payments, fraud.learn_from_days, fraud.learn_from_payments, least_days)
    return Reach(since_us, newest_us - delay_us, newest_us)


def labelled_slices(paid: DataFrame, charged_back: DataFrame) -> Iterator[pa.Table]:
    """Yield silver payments in order of arrival as `label` has them, a slice at a time."""
    return (label(some, charged_back).toArrow() for some in arrivals.in_slices(paid))


def label(payments: DataFrame, chargebacks: DataFrame) -> DataFrame:
    """Return silver payments in order of arrival with `fraud` and `campaign`, what the bank found
    last, and all its `findings`.

    They are false, empty and null where it found nothing. The order is that of each card, partition
    by partition; `kafka_at` says when a payment came, among those of all partitions.
    """
    return _labelled(payments, chargebacks).select(*payment_records.COLUMNS, "kafka_at", "fraud", "campaign", "findings")


def label_scores(scores: DataFrame, chargebacks: DataFrame) -> DataFrame:
    """Return silver scores with the features of this code, once each, with `fraud` and `campaign`
    as `label` has them.
    """
    comparable = one_per_id(scores.filter(has_our_features()))
    return _labelled(comparable, chargebacks).select(*LOGGED, "fraud", "campaign")


def has_our_features() -> Column:
    """Return whether a silver score was made from features of this code: of its feature set, as
    many as that has, and none infinite. Anybody may write scores.
    """
    features = F.col("features")
    is_whole = (F.size(features) == len(FEATURES)) & ~F.exists(features, lambda each: F.abs(each) == float("inf"))
    return (F.col("feature_set") == FEATURE_SET) & is_whole


def _labelled(rows: DataFrame, chargebacks: DataFrame) -> DataFrame:
    """Return rows about payments in order of arrival, with what the bank found of the payments."""
    labelled = rows.join(found(chargebacks), "payment_id", "left").orderBy("kafka_partition", "kafka_offset")
    without_finding = {"fraud": F.coalesce("fraud", F.lit(False)), "campaign": F.coalesce("reason", F.lit(""))}
    return labelled.withColumns(without_finding)


def found(chargebacks: DataFrame) -> DataFrame:
    """Return for each payment what the bank found last, `fraud` and `reason`, and all it found,
    `findings`.
    """
    latest = (F.max_by(column, "event_at").alias(column) for column in ("fraud", "reason"))
    findings = F.collect_list(F.struct(F.col("event_at").alias("found_at"), "fraud")).alias("findings")
    return chargebacks.groupBy("payment_id").agg(*latest, findings)


class Past(NamedTuple):
    """Payments in order of arrival (n), without the repeated ones, as far as they are needed of the
    whole past, and the features of the newest of them (m, len(FEATURES)).
    """

    records: Records
    arrived: npt.NDArray[np.datetime64]
    card: Integers
    device: Integers
    seller: Integers
    amount_z: Floats
    fraud: npt.NDArray[np.bool_]
    campaign: npt.NDArray[np.object_]
    features: Floats


def folded(payments: pa.Table, label_delay_days: int) -> History:
    """Return what `history` does of payments that are all there at once."""
    return history([payments], label_delay_days)


def history(slices: Iterable[pa.Table], label_delay_days: int, reach: Reach = ALL) -> History:
    """Return the features of labelled payments within reach, each as it was when the payment
    arrived, by all that came before; repeated ones are left out.
    """
    cards, devices, sellers = (StatesById(kind) for kind in (CARD_STATE, DEVICE_STATE, SELLER_STATE))
    past, findings = _gathered(slices, reach, cards, devices, sellers)
    within = reach.holds(past.records["at_us"])
    row_of = np.where(within, np.cumsum(within) - 1, NOBODY)
    # In order of arrival over all partitions.
    order = np.argsort(past.arrived, kind="stable")
    device_fold.fold(devices.states, past.device, past.records, order, past.features, row_of)
    delay_us = label_delay_days * DAY_US
    known, of = labels.labels(past.records["at_us"], past.amount_z, findings, delay_us)
    sold_by, speak_of = past.seller, past.seller[of]
    learn_and_write_features(sellers.states, sold_by, past.records, speak_of, known, delay_us, past.features, row_of)
    without = {f"without_{kind}": int((getattr(past, kind) < 0).sum()) for kind in ("card", "device", "seller")}
    log.info("history_folded", payments=len(within), within_reach=int(within.sum()), **without)
    sold = past.records[within]
    return History(
        past.features, past.fraud[within], sold["at_us"], _apart(past.card)[within], sold["amount"], past.campaign[within]
    )


def _gathered(
    slices: Iterable[pa.Table], reach: Reach, cards: StatesById, devices: StatesById, sellers: StatesById
) -> tuple[Past, Findings]:
    """Return the whole past with the card features of payments within reach, those of devices and
    sellers still unknown, and what the bank found; number all whom it speaks of.
    """
    no_id, pasts, found, came = settings().ids.none, [], [], 0
    for each in slices:
        payments, records, features = fold_cards(each, cards)
        of_slice = payment_records.findings(payments)
        found.append(of_slice._replace(payment=of_slice.payment + came))
        came += len(records)
        pasts.append(
            Past(
                records,
                payments["kafka_at"].to_numpy(),
                numbered(payment_records.cards(payments, no_id), cards),
                numbered(payment_records.devices(payments, no_id), devices),
                numbered(payment_records.sellers(payments, no_id), sellers),
                features[:, AMOUNT_Z].copy(),
                payments["fraud"].to_numpy().astype(np.bool_),
                payments["campaign"].to_numpy().astype(np.object_),
                features[reach.holds(records["at_us"])],
            )
        )
    return Past(*map(np.concatenate, zip(*pasts, strict=True))), Findings(*map(np.concatenate, zip(*found, strict=True)))


def numbered(ids: tuple[list[str], Integers], states: StatesById) -> Integers:
    """Return for each row (n) which state it has, given its ids as payment_records numbers them."""
    names, number = ids
    return np.append(states.numbers(names), NOBODY)[number]


def _apart(card: Integers) -> Integers:
    """Return the numbers of cards, with one of its own for each payment without a card."""
    return np.where(card < 0, card.max(initial=0) + np.arange(1, len(card) + 1), card)


def logged(scores: pa.Table) -> History:
    """Return the features of labelled scores as the scorer logged them; a payment that was scored
    without the online store is there as it was seen then, and what never was scored is not.
    """
    features = pc.list_flatten(scores["features"]).to_numpy().reshape(-1, len(FEATURES))
    fraud = scores["fraud"].to_numpy().astype(np.bool_)
    campaign = scores["campaign"].to_numpy().astype(np.object_)
    sold = payment_records.sales(scores)
    card = _apart(payment_records.cards(scores, settings().ids.none)[1])
    return History(features, fraud, sold["at_us"], card, sold["amount"], campaign)


def fold_cards(payments: pa.Table, cards: StatesById | None = None) -> tuple[pa.Table, Records, Floats]:
    """Return the payments without the repeated ones, the same as records (n, PAYMENT), and their
    features (n, len(FEATURES)), of which only those of cards are known yet.

    `cards` are the states that the payments before have left, and are changed.
    """
    states, no_id = StatesById(CARD_STATE) if cards is None else cards, settings().ids.none
    card_of = numbered(payment_records.cards(payments, no_id), states)
    records = payment_records.records(payments, no_id)
    features, repeated = fold(states.states, card_of, records)
    fresh = ~repeated
    return payments.filter(pa.array(fresh)), records[fresh], features[fresh]
