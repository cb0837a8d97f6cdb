"""One row per score of a payment: typed, valid and once each, refined from
tidemark.fraud_scores.
"""

from dataclasses import replace

from pyspark.sql import functions as F

from pipelines.silver.bounds import Rules
from pipelines.silver.refining import EVENT, LINEAGE
from pipelines.table import Append, Column, Table

TABLE = Table(
    name="silver.fraud_scores",
    grain="One row per score of a payment.",
    columns=(
        replace(EVENT[0], longest=900),  # "score-" and the payment's
        EVENT[1],
        Column("payment_id", "string", "The payment scored."),
        Column("card_id", "string", "Token of the card that pays; the record's key."),
        Column("amount", "decimal(12,2)", "Amount of the payment."),
        Column("currency", "string", "ISO 4217 code of every amount in this record."),
        Column("probability", "double", "Probability of fraud, 0 to 1."),
        Column("decision", "string", "approve, review or decline."),
        Column("reasons", "array<string>", "The largest contributions in words, largest first; empty for approve."),
        Column("features", "array<float>", "What the model saw, in the order of the feature set."),
        Column("feature_set", "string", "Version of the feature definition that made `features`."),
        Column("model_name", "string", "Registered model that scored."),
        Column("model_version", "string", "Its version in the registry."),
        Column(
            "degraded",
            "boolean",
            "True when the online store failed: the score is without the card's state, or the state without this payment. "
            "Also when the model gave no number: the probability is then 0.5 and the decision review.",
        ),
        Column("scored_at", "timestamp", "When the score was computed, UTC."),
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
        *LINEAGE,
    ),
    key=("event_id",),
    written=Append(),
    partitioning=("days(event_at)",),
    topic="tidemark.fraud_scores",
    identities=("payment_id",),
)

DECISIONS = ("approve", "review", "decline")


RULES: Rules = {
    "probability_0_to_1": lambda score: score["probability"].between(0, 1),
    "known_decision": lambda score: score["decision"].isin(*DECISIONS),
    "known_challenger_decision": lambda score: F.coalesce(score["challenger_decision"], F.lit("approve")).isin(*DECISIONS),
    "reasons_up_to_100": lambda score: F.size(score["reasons"]) <= 100,
    "features_up_to_1000": lambda score: F.size(score["features"]) <= 1000,
}
