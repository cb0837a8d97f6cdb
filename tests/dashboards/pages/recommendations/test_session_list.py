"""A session's list: its products with their reasons, what was left out, and what led to it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import shown_lists

from dashboards.cache import Answer
from dashboards.pages.recommendations import session_list
from dashboards.pages.recommendations.board import Seen
from dashboards.pages.recommendations.queries import Click, Recommended

Shown = Callable[[Any], str]
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
TORN = Answer[Seen | None](None, None, "Trino does not answer.", NOW)


def seen(**changes: Any) -> Seen:
    found = Recommended(*shown_lists.a_list("session-a", NOW, **changes))
    return Seen(found, [Click(*row) for row in shown_lists.clicks(NOW)], {"product-2a-0000": "health_beauty"})


def test_each_product_has_its_reason_and_its_team(shown: Shown) -> None:
    teams = ["session", "popular"] * 5
    filled = session_list.products(Answer(seen(teams=teams), NOW), "session-a")
    assert len(filled.rows) == 10
    assert shown(filled.rows[0]) == "1 product-2a-0000 health beauty next after product-2a-0010 session 0.900"
    assert shown(filled.rows[1]).startswith("2 product-2a-0001 — next after product-2a-0010 popular")
    assert filled.remark == []


def test_lists_of_an_older_schema_lack_reasons_and_teams_only(shown: Shown) -> None:
    filled = session_list.products(Answer(seen(teams=[], reasons=[], scores=[]), NOW), "session-a")
    assert shown(filled.rows[0]) == "1 product-2a-0000 health beauty — — —"


def test_what_led_to_it_begins_with_the_newest_click(shown: Shown) -> None:
    filled = session_list.clicks(Answer(seen(), NOW))
    assert [shown(row) for row in filled.rows[:2]] == [
        "0 s view product-2a-0010 —",
        "40 s add to cart product-2a-000f —",
    ]
    assert len({row["key"] for row in filled.rows}) == 6
    assert "are not in  silver.clicks  yet" in shown(session_list.clicks(Answer(seen()._replace(clicks=[]), NOW)))


def test_the_note_names_who_made_it_and_the_rules_that_left_something_out() -> None:
    words = session_list.note(seen(), NOW + timedelta(seconds=9))
    assert "Session session-a, variant session: made 9 s ago after the click of 2026-11-22 12:00:00 UTC" in words
    assert "by recommendations 4, first product from session." in words
    assert words.endswith("Left out: 2 bought or in the cart, 1 out of stock, 3 too many of one seller.")
    assert session_list.note(seen(left_out=[0, 0, 0, 0]), NOW).endswith("Nothing was left out by a rule.")
    assert session_list.note(seen(left_out=[0, 0, 4, 0, 7]), NOW).endswith("Left out: 4 not sold any more, 7 rule 5.")
    assert session_list.note(None, NOW) == ""


def test_a_degraded_list_and_one_without_an_index_say_so() -> None:
    words = session_list.note(seen(degraded=True, model_version=None, fallback="trending"), NOW)
    assert "by nobody: there was no index yet, first product from trending, degraded: without what" in words


def test_an_empty_list_says_why(shown: Shown) -> None:
    hidden = session_list.products(Answer(seen(products=[], variant="none"), NOW), "session-a")
    assert (hidden.rows, shown(hidden)) == ([], "This visitor is shown no lists.")
    assert shown(session_list.products(Answer(seen(products=[]), NOW), "a")) == "Nothing was left to recommend."


def test_a_session_without_a_list_is_not_a_missing_trino(shown: Shown) -> None:
    nobody = Answer[Seen | None](None, NOW)
    assert "Session lost has no list" in shown(session_list.products(nobody, "lost"))
    assert "No lists yet" in shown(session_list.products(nobody, ""))
    torn = shown([*session_list.products(TORN, "lost"), *session_list.clicks(TORN)])
    assert "Trino does not answer" in torn
    assert "has no list" not in torn
    assert session_list.clicks(nobody) == ([], [""])
