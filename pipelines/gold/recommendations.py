"""One row per session, with the list that was recommended last."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from pipelines.silver import recommendations
from pipelines.table import Column, Merge, Table

TABLE = Table(
    name="gold.recommendations",
    grain="One row per session, with the list that was recommended last.",
    columns=(
        *recommendations.TABLE.take("session_id", "visitor_id"),
        *recommendations.TABLE.take(event_at="When the click happened after which it was recommended, UTC."),
        *recommendations.TABLE.take("recommended_at"),
        Column("latency_ms", "double", "From the click to its list, milliseconds."),
        *recommendations.TABLE.take(
            "event_id",
            "products",
            "scores",
            "reasons",
            "teams",
            "fallback",
            "variant",
            "left_out",
            "clicks",
            "unknown_products",
            "late",
            "model_name",
            "model_version",
            "model_built_at",
            "degraded",
        ),
    ),
    key=("session_id",),
    # A click that came late has an earlier time than the one before, and the newer list.
    written=Merge(newest_by=("recommended_at", "event_at", "event_id")),
    partitioning=("months(event_at)",),
    properties={
        "write.merge.mode": "merge-on-read",
        "write.update.mode": "merge-on-read",
        # As in gold.orders: a merge finds the few files that hold its sessions.
        "write.parquet.bloom-filter-enabled.column.session_id": "true",
        "write.parquet.bloom-filter-fpp.column.session_id": "0.001",
        "write.parquet.bloom-filter-adaptive-enabled": "true",
        "write.parquet.bloom-filter-max-bytes": "262144",
        "write.parquet.row-group-size-bytes": "16777216",
    },
    made_from=("silver.recommendations",),
)


def aggregate(recommendations: DataFrame) -> DataFrame:
    """Return the lists of `silver.recommendations` with the time from click to list."""
    latency = (F.unix_micros("recommended_at") - F.unix_micros("event_at")) / 1000
    return recommendations.withColumn("latency_ms", latency).select(*TABLE.column_names)
