"""gold.item_trends: each click counts in the four windows that hold it; a few make no trend."""

from builders import a_click, at
from pyspark.sql import SparkSession
from silver_rows import silver

from pipelines.gold import item_trends
from pipelines.silver import clicks

QUARTER = 900


def test_a_click_counts_in_each_window_that_holds_it(spark: SparkSession) -> None:
    actions = ("view", "compare", "add_to_cart", "view", "remove_from_cart", "purchase")
    clicked = [
        a_click(event_id=str(n), event_at=at(n), action=action, session_id=f"v{n % 2}") for n, action in enumerate(actions)
    ]
    later = a_click(event_id="later", event_at=at(QUARTER), session_id="v2")
    fewer = [a_click(event_id=f"f{n}", event_at=at(QUARTER), product_id="p2") for n in range(item_trends.LEAST - 1)]

    rows = item_trends.aggregate(silver(spark, clicks.TABLE, *clicked, later, *fewer), "1 hour").collect()

    numbers = ("product_id", "views", "carts", "purchases", "sessions")
    found = {row["window_start"]: tuple(row[name] for name in numbers) for row in rows}
    first, *others = (at(QUARTER * number).replace(tzinfo=None) for number in range(-3, 1))
    assert found == {first: ("p1", 3, 1, 1, 2), **dict.fromkeys(others, ("p1", 4, 1, 1, 3))}
    assert {(row["window_end"] - row["window_start"]).total_seconds() for row in rows} == {4 * QUARTER}
