"""One row per session: what a visitor looked at, put into the cart and bought, in its order."""

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.internal import InternalFunction

from pipelines.silver import clicks
from pipelines.table import Column, Merge, Table

GAP = "30 minutes"
MOST = 200  # clicks of a session that its row names: a person's are hardly more, a bot's have no end

TABLE = Table(
    name="gold.sessions",
    grain="One row per session, once 30 minutes without a click have ended it.",
    columns=(
        *clicks.TABLE.take(session_id="The visit. One that goes on after 30 minutes without a click has another row for that."),
        Column("started_at", "timestamp", "Its first click, UTC."),
        Column("ended_at", "timestamp", "Its last click, UTC."),
        *clicks.TABLE.take(
            visitor_id="The visitor's long-lived cookie, at the first click.",
            customer_id="The customer who was logged in last, if any.",
        ),
        Column("clicks", "bigint", "How many clicks it had, all of them."),
        Column("products", "array<string>", "The products of its newest 200 clicks, oldest first; repeats stay."),
        Column("actions", "array<string>", "What was done with each of them."),
        Column("at", "array<timestamp>", "When, UTC."),
        Column("bought", "boolean", "Whether anything was bought."),
    ),
    key=("session_id", "started_at"),
    written=Merge(once=True),
    partitioning=("days(started_at)",),
    properties={"write.merge.mode": "merge-on-read"},
    made_from=("silver.clicks",),
)


def aggregate(clicks: DataFrame, lateness: str) -> DataFrame:
    """Return the sessions of `silver.clicks` that have ended: whose end the newest click is behind
    by more than `lateness` (an interval such as "10 minutes"). A stream gives them with the batch
    behind the one by which they have ended.

    A click that comes twice counts once, in a session of up to 200.
    """
    order = F.struct("event_at", "event_id")
    once_logged_in = F.when(F.col("customer_id").isNotNull(), order)
    windows = clicks.withWatermark("event_at", lateness).groupBy("session_id", F.session_window("event_at", GAP))
    sessions = windows.agg(
        F.min("event_at").alias("started_at"),
        F.max("event_at").alias("ended_at"),
        F.min_by("visitor_id", order).alias("visitor_id"),
        F.max_by("customer_id", once_logged_in).alias("customer_id"),
        F.count("*").alias("came"),
        _newest(F.struct("event_at", "event_id", "product_id", "action")).alias("newest"),
        F.bool_or(F.col("action") == "purchase").alias("bought"),
    )
    # A stream's watermark lets only those pass that have ended; a recomputation gives the same.
    ended = sessions if clicks.isStreaming else _ended(sessions, clicks, lateness)
    in_order = ended.withColumn("newest", F.array_sort(F.array_distinct("newest")))
    return in_order.select(
        "*",
        F.when(F.col("came") <= MOST, F.size("newest")).otherwise(F.col("came")).alias("clicks"),
        F.col("newest.product_id").alias("products"),
        F.col("newest.action").alias("actions"),
        F.col("newest.event_at").alias("at"),
    ).select(*TABLE.column_names)


def _newest(click: SparkColumn) -> SparkColumn:
    """Return the greatest MOST of a group's structs: Spark remembers no more of them, whereas a
    collected list of a bot's clicks would grow for as long as the bot goes on.
    """
    return InternalFunction.collect_top_k(click, MOST, False)


def _ended(sessions: DataFrame, clicks: DataFrame, lateness: str) -> DataFrame:
    newest = clicks.agg(F.max("event_at").alias("newest_at"))
    return sessions.crossJoin(newest).filter(F.expr(f"ended_at + INTERVAL {GAP} + INTERVAL {lateness} <= newest_at"))
