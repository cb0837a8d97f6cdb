"""Publishes to the online store, hour by hour, what silver says of sellers: payments, and labels
that have come to be known.

A step takes up what became known since the last one, up to a full hour. A seller's record keeps the
state before the step too, so a step that died half way is done again from there, and gives the same
states.
"""

import time

import numpy as np
import pyarrow as pa
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from pipelines.base import logs
from pipelines.base.arrays import DAY_US, HOUR_US, Floats, Records
from pipelines.base.settings import settings
from pipelines.base.window import Window
from pipelines.fraud import training_data
from pipelines.fraud.features import payment_records
from pipelines.fraud.features.card_state import CARD_STATE
from pipelines.fraud.features.feature_set import AMOUNT_Z
from pipelines.fraud.features.labels import labels
from pipelines.fraud.features.seller_fold import learn
from pipelines.fraud.features.seller_state import SELLER_RECORD
from pipelines.fraud.states_by_id import StatesById
from pipelines.fraud.store import FraudStore
from pipelines.lake import catalog
from pipelines.online_store.client import Client
from pipelines.silver import chargebacks, fraud_scores, payments
from pipelines.silver.refining import once_each
from pipelines.streaming import progress
from pipelines.streaming.companions import Companion

log = logs.get(__name__)

LOOK_EVERY_S = 15.0
# After a full hour, its last payments may still be on their way to silver.
ARRIVING_US = 120_000_000
TABLES = (payments.TABLE, chargebacks.TABLE, fraud_scores.TABLE)
SOLD = ("seller_id", "event_at", "amount")


def companion() -> Companion:
    """Return what publishes after every full hour, beside the queries."""
    return Companion("seller_states", LOOK_EVERY_S, {"publish": publish_what_is_known})


def publish_what_is_known(spark: SparkSession) -> None:
    """Bring the states of all sellers to the last full hour, if they are not there yet and a model
    is published that uses them.

    Without a model nobody needs them. In a new shop it is trained on the first history, which is in
    silver then.
    """
    with Client(settings().valkey) as client:
        publish_if_due(spark, FraudStore(client))


def publish_if_due(spark: SparkSession, store: FraudStore) -> None:
    """Do the same with a store that is open already."""
    begin, end = store.sellers_known_us(label_delay_us()), last_full_hour(time.time_ns() // 1000)
    if begin < end and store.models.current_version(settings().fraud.model_name):
        progress.wait(spark, *TABLES)
        publish(spark, store, begin, end)


def label_delay_us() -> int:
    """Return the label delay of the settings."""
    return settings().fraud.label_delay_days * DAY_US


def last_full_hour(now_us: int) -> int:
    """Return the end of the last hour whose payments have had time to arrive."""
    return (now_us - ARRIVING_US) // HOUR_US * HOUR_US


def publish(spark: SparkSession, store: FraudStore, begin: int, end: int) -> None:
    """Fold what has become known of sellers from `begin` to `end` (us) over their states; from 0
    on, all there is.
    """
    made, charged_back, scored = (catalog.fresh(spark, table) for table in TABLES)
    paid = payments.purchases(made)
    found = charged_back.filter(_between(0, end))
    delay_us = label_delay_us()
    if begin == 0:
        # Dying from here on, it begins anew whatever the delay is then.
        store.note_sellers_known(0, delay_us)
        sold, amount_z = _from_the_first(paid.filter(_between(0, end)), found)
        judged = sold
    else:
        sold = once_each(paid.filter(_between(begin, end)), payments.TABLE).select(*SOLD).toArrow()
        judged = judgeable(paid, found, scored, begin, end, delay_us).toArrow()
        amount_z = judged["amount_z"].to_numpy().astype(np.float32)
    known, of = labels(payment_records.sales(judged)["at_us"], amount_z, payment_records.findings(judged), delay_us)
    fresh = (known["known_us"] >= begin) & (known["known_us"] < end)
    sellers = _take_up(store, sold, judged.take(pa.array(of[fresh])), known[fresh], begin, end, delay_us)
    log.info("sellers_published", sellers=sellers, payments=len(sold), labels=int(fresh.sum()))


def _between(begin_us: int, end_us: int) -> Column:
    between: Column = Window.of_us(begin_us, end_us).holds(F.col("event_at"))
    return between


def _from_the_first(paid: DataFrame, found: DataFrame) -> tuple[pa.Table, Floats]:
    """Return all payments with findings, and how unusual their amounts were, which no score says of
    those before the first.
    """
    cards, sold, amount_z = StatesById(CARD_STATE), [], []
    for some in training_data.labelled_slices(paid, found):
        once, _, features = training_data.fold_cards(some, cards)
        sold.append(once.select([*SOLD, "findings"]))
        amount_z.append(features[:, AMOUNT_Z].copy())
    return pa.concat_tables(sold), np.concatenate(amount_z)


def judgeable(paid: DataFrame, found: DataFrame, scored: DataFrame, begin: int, end: int, delay_us: int) -> DataFrame:
    """Return payments whose label may become known from `begin` to `end`: (seller_id, event_at,
    amount, amount_z, findings).

    How unusual an amount was comes from the payment's score, which has the payment's time. `found`
    are the chargebacks until `end`.
    """
    late = found.filter(_between(begin, end)).select("payment_id", F.lit(True).alias("late")).distinct()
    old = paid.filter(_between(0, end - delay_us)).join(late, "payment_id", "left")
    due = once_each(old.filter(_between(begin - delay_us, end - delay_us) | F.col("late")), payments.TABLE)
    scores = scored.filter(training_data.has_our_features() & _between(0, end - delay_us))
    of_due = scores.join(due.select("payment_id", "event_at"), ["payment_id", "event_at"], "left_semi").groupBy("payment_id")
    unusual = of_due.agg(F.min_by(F.col("features")[AMOUNT_Z], "scored_at").alias("amount_z"))
    findings = training_data.found(found).select("payment_id", "findings")
    judged = due.join(unusual, "payment_id", "left").join(findings, "payment_id", "left")
    return judged.select("seller_id", "event_at", "amount", "amount_z", "findings")


def _take_up(store: FraudStore, sold: pa.Table, labelled: pa.Table, known: Records, begin: int, end: int, delay_us: int) -> int:
    """Fold payments and labels, each `known` one of a payment in `labelled`, store the states and
    return how many they are.
    """
    both = pa.concat_tables([sold.select(["seller_id"]), labelled.select(["seller_id"])])
    sellers, seller_of = payment_records.sellers(both, settings().ids.none)
    records = _before_step(store.read_sellers(sellers), begin)
    after = records["after"]
    learn(after, seller_of[: len(sold)], payment_records.sales(sold), seller_of[len(sold) :], known, delay_us)
    records["after"], records["after_us"] = after, end
    store.write_sellers(sellers, records)
    store.note_step_of_sellers(begin, end, delay_us)
    return len(sellers)


def _before_step(found: Records, begin: int) -> Records:
    """Return records whose two states are both that of before a step from `begin` on; from 0 on,
    nothing is known.

    A step that died half way has left a state that is later than `begin`, whatever hour it was to
    end with.
    """
    records = np.zeros(len(found), SELLER_RECORD)
    # The later one, where both are early enough; at 0 none holds anything.
    for state in ("before", "after"):
        early = found[f"{state}_us"] <= begin
        records["before"][early] = found[state][early]
    records["before_us"] = begin
    records["after"] = records["before"]
    return records
