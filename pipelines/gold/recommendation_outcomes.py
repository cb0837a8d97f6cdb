"""One row per thing that a visitor did with a recommended product: looked at it, put it into the
cart, or bought it.
"""

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from pipelines.silver import exposures as silver_exposures
from pipelines.silver.clicks import is_view
from pipelines.table import Column, Merge, Table

WITHIN = "30 minutes"
# Of a session's clicks the first so many count: each is compared with each list that the session
# was shown in half an hour, and a bot's clicks have no end.
MOST_CLICKS = 1_000
# A shop that shows no lists has no exposures: the query then goes on with the clicks, at such a
# distance, or it would remember all of them for ever.
WAITS = "1 hour"
EARLIEST = "1900-01-01"  # before all events that silver accepts

TABLE = Table(
    name="gold.recommendation_outcomes",
    grain="One row per list shown, product on it and what was done with the product: viewed, carted or bought in the same "
    "session, at most 30 minutes after the list was shown, among the first 1,000 clicks of the session. A product that was on "
    "several lists has a row for each of them; one without a row was left alone.",
    columns=(
        Column("exposure_id", "string", "The event of the list that was shown."),
        Column("product_id", "string", "The product on it."),
        Column("outcome", "string", "viewed, carted or bought: once each, however often it was done."),
        Column("shown_at", "timestamp", "When the list was shown, UTC."),
        *silver_exposures.TABLE.take("session_id", "visitor_id", "place", "variant"),
        Column("team", "string", "The variant that put the product on the list, where the list says it.", required=False),
        *silver_exposures.TABLE.take("model_version", "recommendation_id"),
        Column("position", "int", "The product's place on the list, 1 for the first."),
    ),
    key=("exposure_id", "product_id", "outcome", "shown_at"),
    written=Merge(keep_first=True, once=True),
    partitioning=("hours(shown_at)",),
    properties={"write.merge.mode": "merge-on-read"},
    made_from=("silver.exposures", "silver.clicks"),
)


def aggregate(exposures: DataFrame, clicks: DataFrame, lateness: str) -> DataFrame:
    """Return the outcomes of the lists of `silver.exposures` by `silver.clicks`, as soon as both
    sides of one are there; one that happened several times is there as often.

    `lateness` (an interval such as "10 minutes") is how far behind the newest event of its own
    table a late one still counts in a stream.
    """
    within = F.expr(f"shown_at + INTERVAL {WITHIN}")
    attributed = (
        (F.col("clicking_session_id") == F.col("session_id"))
        & F.array_contains("products", F.col("product_id"))
        & (F.col("clicked_at") >= F.col("shown_at"))
        & (F.col("clicked_at") <= within)
    )
    joined = _shown(exposures, clicks, lateness).join(_done(clicks, lateness), attributed)
    position = F.array_position("products", F.col("product_id")).cast("int")
    with_place = joined.withColumn("position", position).withColumn("team", F.expr("get(teams, position - 1)"))
    return with_place.select(*TABLE.column_names)


def _shown(exposures: DataFrame, clicks: DataFrame, lateness: str) -> DataFrame:
    """Return the lists that have products, with a watermark that follows the newest list, or the
    clicks where there is no list for longer than WAITS.
    """
    lists = exposures.select(
        F.col("event_id").alias("exposure_id"),
        F.col("event_at").alias("shown_at"),
        *("session_id", "visitor_id", "place", "variant", "model_version", "recommendation_id", "products", "teams"),
    )
    passing = clicks.select(
        F.expr(f"event_at - INTERVAL {WAITS}").alias("shown_at"),
        "session_id",
        F.array().cast("array<string>").alias("products"),
    )
    both = lists.unionByName(passing, allowMissingColumns=True).withWatermark("shown_at", lateness)
    # By naming the time this filter stays above the watermark: one that does not is moved below it
    # by Spark, and the clicks would move no watermark.
    return both.filter(F.when(F.col("shown_at") > EARLIEST, F.size("products") > 0))


def _done(clicks: DataFrame, lateness: str) -> DataFrame:
    """Return what was done with products: clicked_at, clicking_session_id, product_id, outcome."""
    counting = clicks.filter((F.col("position") <= MOST_CLICKS) & _outcome(F.col("action")).isNotNull())
    done = counting.select(
        F.col("event_at").alias("clicked_at"),
        F.col("session_id").alias("clicking_session_id"),
        "product_id",
        _outcome(F.col("action")).alias("outcome"),
    )
    return done.withWatermark("clicked_at", lateness)


def _outcome(action: SparkColumn) -> SparkColumn:
    """Return what an action counts as; null for what is taken out of the cart."""
    return F.when(is_view(action), "viewed").when(action == "add_to_cart", "carted").when(action == "purchase", "bought")
