"""One row per payment, with its fraud probability, the decision, and who decided how fast."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from pipelines.silver import fraud_scores
from pipelines.table import Column, Merge, Table

TABLE = Table(
    name="gold.fraud_scores",
    grain="One row per scored payment; the first score counts.",
    columns=(
        *fraud_scores.TABLE.take("payment_id", "card_id"),
        *fraud_scores.TABLE.take(event_at="When the payment was made, UTC."),
        *fraud_scores.TABLE.take("scored_at"),
        Column("latency_ms", "double", "From the payment to its score, milliseconds."),
        *fraud_scores.TABLE.take(
            "amount",
            "currency",
            "probability",
            "decision",
            "reasons",
            "features",
            "feature_set",
            "model_name",
            "model_version",
            "degraded",
            "challenger_version",
            "challenger_probability",
            "challenger_decision",
            "late",
        ),
    ),
    key=("payment_id", "event_at"),
    written=Merge(keep_first=True),
    partitioning=("days(event_at)",),
    properties={"write.merge.mode": "merge-on-read"},
    made_from=("silver.fraud_scores",),
)


def aggregate(fraud_scores: DataFrame) -> DataFrame:
    """Return the rows of `silver.fraud_scores` with the time from payment to score."""
    latency = (F.unix_micros("scored_at") - F.unix_micros("event_at")) / 1000
    return fraud_scores.withColumn("latency_ms", latency).select(*TABLE.column_names)
