"""One row per payment, with its fraud probability, the decision, and who decided how fast."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from pipelines.table import Column, Table

TABLE = Table(
    name="gold.fraud_scores",
    grain="One row per scored payment; the first score counts.",
    columns=(
        Column("payment_id", "string", "The payment."),
        Column("card_id", "string", "Token of the card that pays."),
        Column("event_at", "timestamp", "When the payment was made, UTC."),
        Column("scored_at", "timestamp", "When it was scored, UTC."),
        Column("latency_ms", "double", "From the payment to its score, milliseconds."),
        Column("amount", "decimal(12,2)", "Amount of the payment."),
        Column("currency", "string", "ISO 4217 code of the amount."),
        Column("probability", "double", "Probability of fraud, 0 to 1."),
        Column("decision", "string", "approve, review or decline."),
        Column("reasons", "array<string>", "Largest contributions in words, largest first."),
        Column("features", "array<float>", "What the model saw, in the order of the feature set."),
        Column("feature_set", "string", "Version of the feature definition."),
        Column("model_name", "string", "Registered model that scored."),
        Column("model_version", "string", "Its version in the registry."),
        Column(
            "degraded",
            "boolean",
            "True when the online store failed: the score is without the card's state, or the state without this payment.",
        ),
        Column(
            "challenger_version",
            "string",
            "Challenger that scored in the shadow, where there was one (since schema version 2).",
            required=False,
        ),
        Column(
            "challenger_probability",
            "double",
            "What the challenger said, 0 to 1; it decides nothing (since schema version 2).",
            required=False,
        ),
        Column(
            "challenger_decision",
            "string",
            "What the challenger would have decided by its thresholds: approve, review or decline (since schema version 3).",
            required=False,
        ),
        Column(
            "late",
            "boolean",
            "Whether a later payment of the card came before: it is folded as if made with that (since schema version 3).",
            required=False,
        ),
    ),
    key=("payment_id", "event_at"),
    partitioning=("days(event_at)",),
    properties={"write.merge.mode": "merge-on-read"},
    made_from=("silver.fraud_scores",),
)


def score(fraud_scores: DataFrame) -> DataFrame:
    """Return the rows of `silver.fraud_scores` with the time from payment to score."""
    latency = (F.unix_micros("scored_at") - F.unix_micros("event_at")) / 1000
    return fraud_scores.withColumn("latency_ms", latency).select(*TABLE.column_names)
