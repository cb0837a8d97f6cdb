"""The history that fraud models learn from: payments in order of arrival with their labels, folded as the stream folds them."""

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from pipelines.errors import ModelError
from pipelines.features import labels, payment_records
from pipelines.features.card_activity import fold
from pipelines.features.card_records import AMOUNT_Z, Records, blank
from pipelines.features.seller_history import tell_history
from pipelines.features.seller_records import DAY_US, unknown
from pipelines.models.fraud_training import Floats, History
from pipelines.table import Table


def snapshot(spark: SparkSession, table: Table) -> str:
    """Return the id of the table's current snapshot; raises ModelError where nothing was ever written."""
    row = spark.table(f"{table.name}.refs").filter("name = 'main'").select("snapshot_id").first()
    if row is None:
        raise ModelError(
            f"There is nothing to learn from: {table.name} is empty; let history arrive (python -m simulator --help)."
        )
    return str(row["snapshot_id"])


def read(spark: SparkSession, table_name: str, snapshot_id: str) -> DataFrame:
    """Return a table as it was at a snapshot."""
    return spark.read.option("versionAsOf", snapshot_id).table(table_name)


def found(chargebacks: DataFrame) -> DataFrame:
    """Return one row per payment of which the bank found something: the list `findings` and the last of them, `fraud`."""
    finding = F.struct(F.col("event_at").alias("found_at"), "fraud")
    return chargebacks.groupBy("payment_id").agg(
        F.collect_list(finding).alias("findings"), F.max_by("fraud", "event_at").alias("fraud")
    )


def label(payments: DataFrame, chargebacks: DataFrame) -> DataFrame:
    """Return silver payments in order of arrival with `fraud`, what the bank found last (or false), and its `findings`."""
    labelled = payments.join(found(chargebacks), "payment_id", "left").orderBy("kafka_partition", "kafka_offset")
    return labelled.select(*payment_records.COLUMNS, F.coalesce("fraud", F.lit(False)).alias("fraud"), "findings")


def folded(payments: pa.Table, label_delay_days: int) -> History:
    """Return the features of labelled payments, each as it was when the payment arrived; repeated payments are left out."""
    payments, records, features = fold_cards(payments)
    _tell_sellers(payments, records, label_delay_days * DAY_US, features)
    fraud = payments["fraud"].to_numpy().astype(np.bool_)
    return History(features, fraud, records["at_us"], payment_records.cards(payments)[1])


def fold_cards(payments: pa.Table) -> tuple[pa.Table, Records, Floats]:
    """Return the payments without the repeated ones, also as records, and what their cards say of them; of sellers nothing."""
    cards, card_of = payment_records.cards(payments)
    records = payment_records.records(payments)
    features, repeated = fold(blank(len(cards)), card_of, records)
    fresh = ~repeated
    return payments.filter(pa.array(fresh)), records[fresh], features[fresh]


def _tell_sellers(payments: pa.Table, records: Records, delay_us: int, features: Floats) -> None:
    """Write into `features` what was known of the sellers at each payment."""
    sellers, seller_of = payment_records.sellers(payments)
    told = payment_records.findings(payments)
    known, of = labels.labels(records["at_us"], features[:, AMOUNT_Z], told, delay_us)
    tell_history(unknown(len(sellers)), seller_of, records, seller_of[of], known, delay_us, features)
