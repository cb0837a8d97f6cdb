"""The history that fraud models learn from: labelled payments, folded as the stream folds them, or
as it logged them.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from pipelines.base.arrays import DAY_US, Floats, Records
from pipelines.base.errors import ModelError
from pipelines.fraud.features import device_fold, labels, payment_records
from pipelines.fraud.features.card_fold import fold
from pipelines.fraud.features.card_state import new_cards
from pipelines.fraud.features.device_state import new_devices
from pipelines.fraud.features.feature_set import AMOUNT_Z, FEATURE_SET, FEATURES
from pipelines.fraud.features.seller_fold import learn_and_write_features
from pipelines.fraud.features.seller_state import new_sellers
from pipelines.fraud.model.history import History
from pipelines.silver.chargebacks import TABLE as CHARGEBACKS
from pipelines.silver.fraud_scores import TABLE as SCORES
from pipelines.silver.payments import TABLE as PAYMENTS
from pipelines.silver.refining import once_each
from pipelines.table import Table

LOGGED = ("event_at", "card_id", "amount", "features")


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


def newest(spark: SparkSession, label_delay_days: int) -> tuple[dict[str, str], History]:
    """Return the ids of the newest snapshots of payments and chargebacks, and the history that they
    hold.
    """
    snapshots = {table.name: snapshot(spark, table) for table in (PAYMENTS, CHARGEBACKS)}
    paid, charged_back = (read(spark, name, snapshot_id) for name, snapshot_id in snapshots.items())
    return snapshots, folded(label(paid, charged_back).toArrow(), label_delay_days)


def newest_logged(spark: SparkSession) -> tuple[dict[str, str], History]:
    """Return the ids of the newest snapshots of scores and chargebacks, and the history with the
    features that were logged.

    Raises ModelError where no score has features of this code.
    """
    snapshots = {table.name: snapshot(spark, table) for table in (SCORES, CHARGEBACKS)}
    scored, charged_back = (read(spark, name, snapshot_id) for name, snapshot_id in snapshots.items())
    found = label_scores(scored, charged_back).toArrow()
    if not len(found):
        raise ModelError(f"No payment was scored with the features of {FEATURE_SET} yet: train on history (make train).")
    return snapshots, logged(found)


def label(payments: DataFrame, chargebacks: DataFrame) -> DataFrame:
    """Return silver payments in order of arrival with `fraud` and `campaign`, what the bank found
    last, and all its `findings`.

    They are false, empty and null where it found nothing. The order is that of each card, partition
    by partition; `kafka_at` says when a payment came, among those of all partitions.
    """
    return _labelled(payments, chargebacks).select(*payment_records.COLUMNS, "kafka_at", "fraud", "campaign", "findings")


def label_scores(scores: DataFrame, chargebacks: DataFrame) -> DataFrame:
    """Return silver scores of this code's feature set, once each, with `fraud` and `campaign` as
    `label` has them.
    """
    comparable = once_each(scores.filter(F.col("feature_set") == FEATURE_SET))
    return _labelled(comparable, chargebacks).select(*LOGGED, "fraud", "campaign")


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


def folded(payments: pa.Table, label_delay_days: int) -> History:
    """Return the features of labelled payments, each as it was when the payment arrived; repeated
    payments are left out.
    """
    payments, records, features = fold_cards(payments)
    _write_device_features(payments, records, features)
    _write_seller_features(payments, records, label_delay_days * DAY_US, features)
    fraud = payments["fraud"].to_numpy().astype(np.bool_)
    campaign = payments["campaign"].to_numpy().astype(np.object_)
    return History(features, fraud, records["at_us"], payment_records.cards(payments)[1], records["amount"], campaign)


def logged(scores: pa.Table) -> History:
    """Return the features of labelled scores as the scorer logged them; a payment that was scored
    without the online store is there as it was seen then, and what never was scored is not.
    """
    features = pc.list_flatten(scores["features"]).to_numpy().reshape(-1, len(FEATURES))
    fraud = scores["fraud"].to_numpy().astype(np.bool_)
    campaign = scores["campaign"].to_numpy().astype(np.object_)
    sold = payment_records.sales(scores)
    return History(features, fraud, sold["at_us"], payment_records.cards(scores)[1], sold["amount"], campaign)


def fold_cards(payments: pa.Table) -> tuple[pa.Table, Records, Floats]:
    """Return the payments without the repeated ones, the same as records (n, PAYMENT), and their
    features (n, len(FEATURES)), of which only those of cards are known yet.
    """
    cards, card_of = payment_records.cards(payments)
    records = payment_records.records(payments)
    features, repeated = fold(new_cards(len(cards)), card_of, records)
    fresh = ~repeated
    return payments.filter(pa.array(fresh)), records[fresh], features[fresh]


def _write_device_features(payments: pa.Table, records: Records, features: Floats) -> None:
    """Write into `features` what had been seen of the devices at each payment, in order of arrival
    over all partitions.
    """
    devices, device_of = payment_records.devices(payments)
    order = np.argsort(payments["kafka_at"].to_numpy(), kind="stable")
    device_fold.fold(new_devices(len(devices)), device_of, records, order, features)


def _write_seller_features(payments: pa.Table, records: Records, delay_us: int, features: Floats) -> None:
    """Write into `features` what was known of the sellers at each payment."""
    sellers, seller_of = payment_records.sellers(payments)
    findings = payment_records.findings(payments)
    known, of = labels.labels(records["at_us"], features[:, AMOUNT_Z], findings, delay_us)
    learn_and_write_features(new_sellers(len(sellers)), seller_of, records, seller_of[of], known, delay_us, features)
