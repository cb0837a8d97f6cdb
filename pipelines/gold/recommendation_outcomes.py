"""One row per thing that a visitor did with a recommended product: clicked on it in the
list, looked at it, put it into the cart, or bought it.
"""

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.internal import InternalFunction

from pipelines.silver import exposures as silver_exposures
from pipelines.silver.clicks import is_view
from pipelines.table import Column, Merge, Table

# Lists of one half hour meet the clicks of an hour: each list so those of the 30 minutes after it.
HALF, WHOLE = "30 minutes", "1 hour"
# What a session has more of in such a time counts for nothing: a person's are hardly as many, a
# bot's have no end, and each list is compared with each click.
MOST_LISTS, MOST_CLICKS = 100, 200

TABLE = Table(
    name="gold.recommendation_outcomes",
    grain="One row per list shown, product on it and what was done with the product: clicked on the list, viewed, carted or "
    "bought in the same session, at most 30 minutes after the list was shown. A product that was on several lists has a row "
    "for each; one without a row was left alone. Of a session's half hour the first 100 lists count, of its hour the first "
    "200 clicks.",
    columns=(
        Column("exposure_id", "string", "The event of the list that was shown."),
        Column("product_id", "string", "The product on it."),
        Column("outcome", "string", "clicked (the shop says that it was on this list), viewed, carted or bought: once each."),
        Column("shown_at", "timestamp", "When the list was shown, UTC."),
        *silver_exposures.TABLE.take("session_id", "visitor_id", "place", "variant"),
        Column("team", "string", "The variant that put the product on the list, where the list says it.", required=False),
        *silver_exposures.TABLE.take("model_version", "recommendation_id"),
        Column("position", "int", "The product's place on the list, 1 for the first."),
    ),
    key=("exposure_id", "product_id", "outcome", "shown_at"),
    written=Merge(keep_first=True),
    partitioning=("hours(shown_at)",),
    properties={"write.merge.mode": "merge-on-read"},
    made_from=("silver.clicks", "silver.exposures"),
)


def aggregate(clicks: DataFrame, exposures: DataFrame, lateness: str) -> DataFrame:
    """Return the outcomes in every session and hour that `silver.clicks` or `silver.exposures`
    touches; one that happened several times is there as often.

    `lateness` (an interval such as "10 minutes") is how far behind the newest click a late event
    still counts in a stream.
    """
    # Only clicks move the watermark: with one for each side a shop that shows no lists would have
    # none, and its clicks be remembered for ever.
    done = _done(clicks).withWatermark("event_at", lateness)
    events = done.unionByName(_shown(exposures), allowMissingColumns=True)
    in_hours = events.withColumn("hour", F.window("event_at", WHOLE, HALF))
    meeting = in_hours.filter(F.col("click").isNotNull() | F.expr(f"event_at < hour.start + INTERVAL {HALF}"))
    sessions = meeting.groupBy("session_id", "hour").agg(
        _first("list", MOST_LISTS).alias("lists"), _first("click", MOST_CLICKS).alias("clicks")
    )
    lists = sessions.select("session_id", F.explode("lists").alias("list"), "clicks")
    pairs = lists.select("session_id", "list.*", F.explode("clicks").alias("click")).filter(_is_attributed())
    position = F.array_position("products", F.col("click.product_id")).cast("int")
    outcomes = pairs.select("*", "click.product_id", F.explode(_outcomes()).alias("outcome"), position.alias("position"))
    return outcomes.withColumn("team", F.expr("get(teams, position - 1)")).select(*TABLE.column_names)


def _shown(exposures: DataFrame) -> DataFrame:
    """Return lists that have products: event_at, session_id and the rest as `list`."""
    names = ("visitor_id", "place", "variant", "model_version", "recommendation_id", "products", "teams")
    whole = F.struct(F.col("event_at").alias("shown_at"), F.col("event_id").alias("exposure_id"), *names)
    return exposures.filter(F.size("products") > 0).select("event_at", "session_id", whole.alias("list"))


def _done(clicks: DataFrame) -> DataFrame:
    """Return what was done with products: event_at, session_id and the rest as `click`."""
    action = F.col("action")
    outcome = F.when(is_view(action), "viewed").when(action == "add_to_cart", "carted").otherwise("bought")
    whole = F.struct(
        F.col("event_at").alias("clicked_at"),
        "event_id",
        "product_id",
        outcome.alias("outcome"),
        F.col("exposure_id").alias("clicked_on"),
    )
    return clicks.filter(action != "remove_from_cart").select("event_at", "session_id", whole.alias("click"))


def _first(structs: str, most: int) -> SparkColumn:
    """Return the least of a group's structs, in order, by what they begin with: their time.

    A checkpoint holds these structs as bytes that Spark does not compare with their type: one of
    other fields needs a query, and a checkpoint, of another name.
    """
    return InternalFunction.collect_top_k(F.col(structs), most, True)


def _outcomes() -> SparkColumn:
    """Return what a click did with a list's product, and that it was on the list if it was."""
    clicked = F.when(F.col("click.clicked_on") == F.col("exposure_id"), "clicked")
    return F.array_compact(F.array("click.outcome", clicked))


def _is_attributed() -> SparkColumn:
    """Return whether a list caused a click, as far as that can be known."""
    is_in_time = F.expr(f"click.clicked_at BETWEEN shown_at AND shown_at + INTERVAL {HALF}")
    return is_in_time & F.array_contains("products", F.col("click.product_id"))
