"""gold.sessions: what ends a session, what its row says, and that a bot's clicks are counted, not
remembered.
"""

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from builders import NOON, a_click, at
from pyspark.sql import Row, SparkSession
from pyspark.sql import functions as F
from silver_rows import silver

from pipelines.gold import sessions
from pipelines.silver import clicks

MINUTE = 60.0
LATENESS = "10 minutes"
LATER = a_click(event_id="later", session_id="another", event_at=at(86_400))  # ends all the others


def ended(spark: SparkSession, *events: dict[str, Any]) -> list[Row]:
    """Return the sessions of these clicks, by their beginning."""
    found = sessions.aggregate(silver(spark, clicks.TABLE, *events), LATENESS)
    return sorted(found.collect(), key=lambda row: row["started_at"])


def naive(seconds: float) -> datetime:
    return at(seconds).replace(tzinfo=None)


def test_a_session_is_told_in_the_order_of_its_clicks(spark: SparkSession) -> None:
    [session] = ended(
        spark,
        a_click(event_id="e3", event_at=at(50), product_id="p1", action="purchase", customer_id="c1", visitor_id="w2"),
        a_click(event_id="e1", event_at=at(0), product_id="p1"),
        a_click(event_id="e4", event_at=at(60), product_id="p1", action="remove_from_cart"),
        a_click(event_id="e2", event_at=at(20), product_id="p2", action="add_to_cart"),
        LATER,
    )
    assert (session["session_id"], session["visitor_id"], session["customer_id"]) == ("v1", "w1", "c1")
    assert (session["started_at"], session["ended_at"]) == (naive(0), naive(60))
    assert (session["clicks"], session["bought"]) == (4, True)
    assert session["products"] == ["p1", "p2", "p1", "p1"]
    assert session["actions"] == ["view", "add_to_cart", "purchase", "remove_from_cart"]
    assert session["at"] == [naive(second) for second in (0, 20, 50, 60)]
    assert session.__fields__ == sessions.TABLE.column_names


@pytest.mark.parametrize(("silence", "count"), [(30 * MINUTE, 1), (30 * MINUTE + 0.000001, 2)])
def test_more_than_thirty_minutes_without_a_click_end_a_session(spark: SparkSession, silence: float, count: int) -> None:
    clicked = (a_click(event_at=at(0)), a_click(event_id="e2", event_at=at(silence), position=2))
    assert len(ended(spark, *clicked, LATER)) == count


@pytest.mark.parametrize(("after", "count"), [(39.9 * MINUTE, 0), (40.1 * MINUTE, 1)])
def test_a_session_is_there_once_nothing_can_be_added_to_it(spark: SparkSession, after: float, count: int) -> None:
    assert len(ended(spark, a_click(event_at=at(0)), a_click(event_id="e2", session_id="v2", event_at=at(after)))) == count


def test_a_click_that_came_twice_counts_once(spark: SparkSession) -> None:
    [session] = ended(spark, a_click(), a_click(), a_click(event_id="e2", event_at=at(1)), LATER)
    assert (session["clicks"], session["products"]) == (2, ["p1", "p1"])


def test_of_a_bot_s_clicks_the_newest_200_are_named_and_all_are_counted(spark: SparkSession) -> None:
    shuffled = np.random.default_rng(7).permutation(10_000).tolist()
    [one] = silver(spark, clicks.TABLE, a_click()).collect()
    numbers = spark.createDataFrame([(number,) for number in shuffled], "number INT")
    bot = numbers.select(
        *(F.lit(one[name]).alias(name) for name in ("session_id", "visitor_id", "action")),
        F.lit(None).cast("string").alias("customer_id"),
        F.concat(F.lit("e"), "number").alias("event_id"),
        F.concat(F.lit("p"), "number").alias("product_id"),
        F.timestamp_micros(F.lit(int(NOON.timestamp() * 1e6)) + F.col("number") * 1000).alias("event_at"),
    )
    later = silver(spark, clicks.TABLE, LATER).select(*bot.columns)

    [session] = sessions.aggregate(bot.unionByName(later), LATENESS).collect()

    assert (session["clicks"], session["bought"]) == (10_000, False)
    assert session["products"] == [f"p{number}" for number in range(9_800, 10_000)]
    assert len(session["at"]) == len(session["actions"]) == sessions.MOST
    assert session["at"][-1] == (NOON + timedelta(milliseconds=9_999)).replace(tzinfo=None) == session["ended_at"]
