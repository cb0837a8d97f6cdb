"""The history that fraud models learn from: payments in order of arrival with their labels, folded as the stream folds them."""

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from pipelines.errors import ModelError
from pipelines.features import payment_records
from pipelines.features.card_activity import fold
from pipelines.features.card_records import blank
from pipelines.models.fraud_training import History
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


def label(payments: DataFrame, chargebacks: DataFrame) -> DataFrame:
    """Return silver payments in order of arrival with `fraud`: what the bank found last, false where it found nothing."""
    found = chargebacks.groupBy("payment_id").agg(F.max_by("fraud", "event_at").alias("fraud"))
    labelled = payments.join(found, "payment_id", "left").orderBy("kafka_partition", "kafka_offset")
    return labelled.select(*payment_records.COLUMNS, F.coalesce("fraud", F.lit(False)).alias("fraud"))


def folded(payments: pa.Table) -> History:
    """Return the features of labelled payments, each as it was when the payment arrived; repeated payments are left out."""
    cards, card_of = payment_records.cards(payments)
    records = payment_records.records(payments)
    features, repeated = fold(blank(len(cards)), card_of, records)
    fraud = payments["fraud"].to_numpy().astype(np.bool_)
    return History(features, fraud, records["at_us"], card_of).where(~repeated)
