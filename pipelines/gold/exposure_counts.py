"""One row per 5-minute window, place, variant and model version: how much was shown."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from pipelines.silver import exposures as silver_exposures
from pipelines.table import Column, Merge, Table

WINDOW = "5 minutes"

TABLE = Table(
    name="gold.exposure_counts",
    grain="One row per 5-minute window, place, variant and model version of the lists shown.",
    columns=(
        Column("window_start", "timestamp", "Beginning of the window, UTC."),
        Column("window_end", "timestamp", "End of the window, UTC; exclusive."),
        *silver_exposures.TABLE.take("place", "variant"),
        Column("model_version", "string", "Version of the model that made the lists; empty where none did."),
        Column("exposures", "bigint", "Lists shown in the window, the empty ones of visitors who see none among them."),
        Column("products", "bigint", "Products on them."),
        Column("sessions", "bigint", "Sessions that saw them: about, some 5 in 100 more or fewer (HyperLogLog++)."),
    ),
    key=("window_start", "place", "variant", "model_version"),
    written=Merge(),
    partitioning=("days(window_start)",),
    made_from=("silver.exposures",),
)


def aggregate(exposures: DataFrame, lateness: str) -> DataFrame:
    """Return what was shown in every window that `silver.exposures` touches.

    `lateness` (an interval such as "1 day") is how far behind the newest event a late one still
    counts in a stream.
    """
    by_version = exposures.withColumn("model_version", F.coalesce("model_version", F.lit("")))
    windows = by_version.withWatermark("event_at", lateness).groupBy(
        F.window("event_at", WINDOW).alias("window"), "place", "variant", "model_version"
    )
    counts = windows.agg(
        F.count("*").alias("exposures"),
        F.sum(F.size("products")).alias("products"),
        F.approx_count_distinct("session_id").alias("sessions"),
    )
    bounds = {"window_start": F.col("window.start"), "window_end": F.col("window.end")}
    return counts.withColumns(bounds).select(*TABLE.column_names)
