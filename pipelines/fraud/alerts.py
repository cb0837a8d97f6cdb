"""Alerts: what somebody should act on now, as records of tidemark.alerts."""

from pyspark.sql import Column
from pyspark.sql import functions as F

TOPIC = "tidemark.alerts"


def of_fraud() -> Column:
    """Return the alert for a declined payment, made of its score's columns. Its event_id derives
    from the score's, so a batch that is done again produces the same alert.
    """
    why = F.array_join("reasons", "; ")
    chance = F.format_string("Payment declined, fraud with a probability of %.3f", "probability")
    return F.struct(
        F.concat(F.lit("alert-"), "event_id").alias("event_id"),
        F.col("event_at"),
        F.lit("fraud").alias("kind"),
        F.col("payment_id").alias("subject_id"),
        F.lit("high").alias("severity"),
        F.when(why == "", chance).otherwise(F.concat(chance, F.lit(": "), why)).alias("message"),
        F.concat_ws("/", F.lit("model"), "model_name", "model_version").alias("made_by"),
        F.col("scored_at").alias("raised_at"),
    )
