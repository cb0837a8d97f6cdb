"""gold.item_trends: each click counts in the four windows that hold it."""

from builders import a_click, at
from pyspark.sql import SparkSession
from silver_rows import silver

from pipelines.gold import item_trends
from pipelines.silver import clicks

QUARTER = 900


def test_a_click_counts_in_each_window_that_holds_it(spark: SparkSession) -> None:
    clicked = silver(
        spark,
        clicks.TABLE,
        a_click(event_id="1", event_at=at(0)),
        a_click(event_id="2", event_at=at(1), action="compare", session_id="v2"),
        a_click(event_id="3", event_at=at(2), action="add_to_cart"),
        a_click(event_id="4", event_at=at(QUARTER), action="purchase"),
        a_click(event_id="5", event_at=at(3), action="remove_from_cart"),
        a_click(event_id="6", event_at=at(4), product_id="p2"),
    )

    rows = item_trends.aggregate(clicked, "1 hour").collect()

    numbers = ("views", "carts", "purchases", "sessions")
    found = {row["window_start"]: tuple(row[name] for name in numbers) for row in rows if row["product_id"] == "p1"}
    starts = [at(QUARTER * number).replace(tzinfo=None) for number in range(-3, 2)]
    assert [found[start] for start in starts] == [(2, 1, 0, 2), (2, 1, 1, 2), (2, 1, 1, 2), (2, 1, 1, 2), (0, 0, 1, 1)]
    assert len(found) == 5
    assert sum(row["views"] for row in rows if row["product_id"] == "p2") == 4
    assert {(row["window_end"] - row["window_start"]).total_seconds() for row in rows} == {4 * QUARTER}
