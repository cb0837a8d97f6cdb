"""gold.recommendation_outcomes and gold.exposure_counts: what was shown, and what visitors did with
it, by the rule of attribution.
"""

from typing import Any

import pytest
from builders import a_click, an_exposure, at
from pyspark.sql import SparkSession
from silver_rows import silver

from pipelines.gold import exposure_counts, recommendation_outcomes
from pipelines.silver import clicks, exposures

Event = dict[str, Any]
SHOWN = an_exposure(event_id="x1", products=["p1", "p2", "p3"], teams=["session", "popular", "session"])
HALF_AN_HOUR = 1_800.0


def outcomes(spark: SparkSession, shown: list[Event], clicked: list[Event]) -> list[tuple[Any, ...]]:
    """Return list, product, outcome and place on the list of each outcome, in order."""
    found = recommendation_outcomes.aggregate(
        silver(spark, clicks.TABLE, *clicked), silver(spark, exposures.TABLE, *shown), "10 minutes"
    )
    names = ("exposure_id", "product_id", "outcome", "position", "team")
    return sorted(tuple(row[name] for name in names) for row in found.collect())


def test_what_was_done_with_a_shown_product_has_a_row_each(spark: SparkSession) -> None:
    actions = ("view", "add_to_cart", "remove_from_cart", "purchase", "compare")
    done = [a_click(event_id=str(n), event_at=at(n + 1), product_id="p2", action=action) for n, action in enumerate(actions)]
    other = a_click(event_id="o", event_at=at(9), product_id="p9")
    assert outcomes(spark, [SHOWN], [*done, other]) == [
        ("x1", "p2", "bought", 2, "popular"),
        ("x1", "p2", "carted", 2, "popular"),
        *[("x1", "p2", "viewed", 2, "popular")] * 2,  # by `view` and by a word that nobody listed; merged into one
    ]


def test_a_click_that_names_its_list_was_on_that_one_only(spark: SparkSession) -> None:
    again = an_exposure(event_id="x2", event_at=at(5), products=["p1", "p2"])
    clicked = [
        a_click(event_id="1", event_at=at(6), product_id="p1", exposure_id="x2"),
        a_click(event_id="2", event_at=at(7), product_id="p2", exposure_id="of another session"),
        a_click(event_id="3", event_at=at(8), product_id="p9", exposure_id="x2"),  # which was not on it
    ]
    assert outcomes(spark, [SHOWN, again], clicked) == [
        ("x1", "p1", "viewed", 1, "session"),
        ("x1", "p2", "viewed", 2, "popular"),
        ("x2", "p1", "clicked", 1, None),
        ("x2", "p1", "viewed", 1, None),
        ("x2", "p2", "viewed", 2, None),
    ]


@pytest.mark.parametrize(("seconds", "counts"), [(-0.001, 0), (0.0, 1), (HALF_AN_HOUR, 1), (HALF_AN_HOUR + 0.001, 0)])
def test_what_comes_within_thirty_minutes_after_the_list_counts(spark: SparkSession, seconds: float, counts: int) -> None:
    assert len(outcomes(spark, [SHOWN], [a_click(event_at=at(seconds))])) == counts


def test_another_session_s_clicks_do_not_count(spark: SparkSession) -> None:
    assert outcomes(spark, [SHOWN], [a_click(session_id="v2", event_at=at(1))]) == []


def test_a_product_on_two_lists_counts_for_both_and_twice_on_one_list_once(spark: SparkSession) -> None:
    again = an_exposure(event_id="x2", products=["p9", "p1", "p1"], event_at=at(5))
    found = outcomes(spark, [SHOWN, again], [a_click(event_at=at(10))])
    assert found == [("x1", "p1", "viewed", 1, "session"), ("x2", "p1", "viewed", 2, None)]


def test_of_a_bot_s_clicks_and_lists_the_first_count(spark: SparkSession) -> None:
    clicked = [a_click(event_id=str(n), event_at=at(200 + n), product_id=f"p{n}") for n in range(500)]
    lists = [an_exposure(event_id=f"x{n:03}", event_at=at(n), products=[f"p{m}" for m in range(150, 250)]) for n in range(150)]
    found = outcomes(spark, lists, clicked)
    assert {list_ for list_, *_ in found} == {f"x{n:03}" for n in range(recommendation_outcomes.MOST_LISTS)}
    assert {product for _, product, *_ in found} == {f"p{n}" for n in range(150, recommendation_outcomes.MOST_CLICKS)}


def test_an_empty_list_has_no_outcome(spark: SparkSession) -> None:
    assert outcomes(spark, [an_exposure(products=[], variant="none")], [a_click(event_at=at(1))]) == []


def test_what_was_shown_is_counted_by_window_place_variant_and_version(spark: SparkSession) -> None:
    shown = [
        SHOWN,
        an_exposure(event_id="x2", event_at=at(299), session_id="v2", products=["p1"]),
        an_exposure(event_id="x3", event_at=at(300)),
        an_exposure(event_id="x4", place="cart"),
        an_exposure(event_id="x5", variant="none", products=[], model_version=None),
    ]
    rows = exposure_counts.aggregate(silver(spark, exposures.TABLE, *shown), "1 day").collect()
    names = ("place", "variant", "model_version", "exposures", "products", "sessions")
    found = {(row["window_start"], *(row[name] for name in names)) for row in rows}
    first, second = (at(seconds).replace(tzinfo=None) for seconds in (0, 300))
    assert found == {
        (first, "home", "session", "1", 2, 4, 2),
        (second, "home", "session", "1", 1, 2, 1),
        (first, "cart", "session", "1", 1, 2, 1),
        (first, "home", "none", "", 1, 0, 1),
    }
    assert {row["window_end"] for row in rows} == {second, at(600).replace(tzinfo=None)}
