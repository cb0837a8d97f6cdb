"""Tiles, tables and sentences of the recommendations page."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dashboards.cache import Answer
from dashboards.pages.recommendations import panels
from dashboards.pages.recommendations.board import Coverage, Dated, Experiment, Trending
from dashboards.pages.recommendations.queries import Covered, Made, Measured, Trend, Wins
from dashboards.pages.recommendations.statistics import Sample

Shown = Callable[[Any], str]
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
TORN = Answer[Any](None, None, "Trino does not answer at 127.0.0.1:1: `make status` says what runs.", NOW)
EMPTY = Answer[Any](None, NOW)
COVERAGE = Coverage([Covered("session", 500), Covered("popular", 20), Covered(None, 510)], 2000)
MADE = [
    Made("recommendations", "4", "session", 900, 9, NOW, NOW - HOUR),
    Made("recommendations", "4", "trending", 60, 0, NOW, NOW - HOUR),
    Made("recommendations", None, "trending", 40, 40, NOW - HOUR, None),
]


def measured(variant: str, measure: str, successes: int, trials: int = 100_000) -> Measured:
    return Measured(variant, measure, Sample(trials // 5, trials, successes, 4.0, 0.8, 0.5))


EXPERIMENT = Experiment(
    [
        measured("none", "conversion", 4000),
        measured("popular", "conversion", 4000),
        measured("session", "conversion", 6000),
        measured("popular", "viewed", 20_000),
        measured("session", "viewed", 30_000),
        measured("popular", "clicked", 2000),
        measured("session", "clicked", 3500),
        measured("a new one", "viewed", 7, trials=50),
    ],
    Wins(1200, 450, 300),
)


def good(found: Any) -> Answer[Any]:
    return Answer(Dated(NOW, found), NOW)


def test_tiles_hold_the_session_s_lists_beside_what_is_popular(shown: Shown) -> None:
    assert [shown(tile) for tile in panels.tiles(EXPERIMENT, COVERAGE, MADE, NOW)] == [
        "Hit rate, session's lists 30.0 % popular: 20.0 %",
        "Click-through, session's lists 3.5 % popular: 2.0 %",
        "Conversion, session's lists 6.0 % against popular: better",
        "Catalogue shown, last 24 h 25.0 % popular: 1.0 %",
        "Index, version 4 built 1 h ago",
        "Lists, last hour 1,000 4.90 % degraded",
    ]


def test_what_is_not_there_yet_is_a_dash_with_the_reason(shown: Shown) -> None:
    nothing = Experiment([], Wins(0, 0, 0))
    assert [shown(tile) for tile in panels.tiles(nothing, Coverage([], 2000), [], NOW)] == [
        "Hit rate, session's lists — nothing popular was shown",
        "Click-through, session's lists — nothing popular was shown",
        "Conversion, session's lists — no session with a list is over yet",
        "Catalogue shown, last 24 h — no lists were shown",
        "Index, version — no lists in the last hour",
        "Lists, last hour 0",
    ]


def test_where_no_click_names_its_list_there_is_no_click_through(shown: Shown) -> None:
    unnamed = [
        one._replace(sample=one.sample._replace(successes=0)) if one.measure == "clicked" else one
        for one in EXPERIMENT.measured
    ]
    tiles = [shown(tile) for tile in panels.tiles(EXPERIMENT._replace(measured=unnamed), COVERAGE, MADE, NOW)]
    assert tiles[1] == "Click-through, session's lists — no click names its list (exposure_id)"


def test_what_nobody_could_ask_is_a_dash_and_no_more(shown: Shown) -> None:
    assert {shown(tile)[-1] for tile in panels.tiles(None, None, None, NOW)} == {"—"}


def test_before_the_first_index_the_page_says_so(shown: Shown) -> None:
    words = [shown(tile) for tile in panels.tiles(None, Coverage([], 0), MADE[2:], NOW)]
    assert "Index, version none yet lists are empty until then" in words
    assert "recommendations (none yet) trending 40 100.0 % 100.0 %" in shown(panels.made(good(MADE[2:])))


def test_variants_stand_in_their_order_each_share_with_its_interval(shown: Shown) -> None:
    filled = panels.variants(good(EXPERIMENT), COVERAGE)
    assert [row["key"] for row in filled.rows] == ["session", "popular", "none", "a new one"]
    session = filled.rows[0]
    assert (session["conversion"]["text"], session["viewed"]["text"]) == ("6.0 % (5.8\u20136.2)", "30.0 % (29.7\u201330.3)")
    assert session["conversion"]["title"] == "6,000 of 100,000, 20,000 visitors"
    assert (session["coverage"]["text"], session["carted"]["text"]) == ("25.0 %", "—")
    assert "no lists 100,000 0 — 4.0 %" in shown(filled)


def test_few_trials_have_a_wide_interval() -> None:
    few, many = (
        panels.ranged(measured("a", "b", successes, trials).sample)["text"] for successes, trials in ((7, 50), (7000, 50_000))
    )
    low, high = few.split("(")[1].rstrip(")").split("\u2013")
    assert (few.split(" (")[0], many.split(" (")[0]) == ("14.0 %", "14.0 %")
    assert float(low) < 8 < 23 < float(high)


def test_every_comparison_has_a_verdict_in_words(shown: Shown) -> None:
    filled = panels.comparisons(good(EXPERIMENT))
    verdicts = {row["measure"]["text"]: row["verdict"] for row in filled.rows}
    assert len(verdicts) == 6
    assert verdicts["popular: conversion"]["text"] == "session is better"
    assert verdicts["no lists: conversion"]["tone"] == "good"
    assert verdicts["popular: votes"]["text"] == "session is better"
    assert verdicts["popular: purchases"] == {
        "value": "undecided",
        "text": "undecided",
        "title": "undecided",
        "tone": "idle",
    }
    assert "+2.00" in shown(filled)


@pytest.mark.parametrize(
    ("ours", "rival", "trials", "words"),
    [
        (4000, 6000, 100_000, "popular is better"),
        (80_000, 80_000, 2_000_000, "no difference > 0.5 points"),
        (400, 402, 10_000, "undecided"),
    ],
)
def test_verdicts_say_who_is_better_and_which_difference_there_is_not(ours: int, rival: int, trials: int, words: str) -> None:
    rows = [measured("session", "conversion", ours, trials), measured("popular", "conversion", rival, trials)]
    assert panels.comparisons(good(Experiment(rows, Wins(0, 0, 0)))).rows[0]["verdict"]["text"] == words


def test_the_rule_is_stated_with_the_wins_that_were_counted() -> None:
    words = panels.rule(EXPERIMENT)
    assert "Johari et al., KDD 2017" in words
    assert "all 6 together are wrong in at most 5 % of experiments" in words
    assert "1,200 visitors clicked more that the session gave, 450 more that is popular, 300 as much of both" in words
    assert "interleaved" not in panels.rule(None)


def test_trends_are_tiles_with_their_hour(shown: Shown) -> None:
    trends = [
        Trend("product-1", NOW - HOUR, NOW, 90, 140, 12, 3, 60),
        Trend("product-2", NOW - HOUR, NOW, 40, 50, 1, 0, 0),
    ]
    answer = good(Trending(trends, {"product-1": "bed_bath_table"}))
    words = shown(panels.trending(answer))
    assert "BB product-1 bed bath table 90 visits ▲ 50 %; 140 views, 12 carts, 3 bought" in words
    assert "? product-2 category unknown 40 visits few before; 50 views" in words
    assert panels.trending_hour(answer) == "11:00 to 12:00 UTC"


def test_who_made_the_lists_stands_with_shares(shown: Shown) -> None:
    words = shown(panels.made(good(MADE)))
    assert "recommendations 4 session 900 90.0 % 1.0 %" in words
    assert "recommendations 4 trending 60 6.0 % 0.0 %" in words


@pytest.mark.parametrize(
    ("panel", "found", "missing"),
    [
        (lambda answer: panels.variants(answer, None), Experiment([], Wins(0, 0, 0)), "does the shop send"),
        (panels.made, [], "No list was made in the last hour."),
        (panels.trending, Trending([], {}), "No product was clicked five times"),
    ],
)
def test_nothing_yet_is_neither_a_failure_nor_an_idle_shop(
    shown: Shown, panel: Callable[[Answer[Any]], Any], found: Any, missing: str
) -> None:
    assert "No lists yet: is the simulator running?" in shown(panel(EMPTY))
    assert missing in shown(panel(good(found)))
    assert shown(panel(TORN)).startswith("Since 12:00:00 UTC: Trino does not answer")
    assert "No lists yet" not in shown(panel(TORN))


def test_without_lists_there_is_nothing_to_compare_and_no_hour(shown: Shown) -> None:
    assert "No lists yet" in shown(panels.comparisons(EMPTY))
    assert "Trino does not answer" in shown(panels.comparisons(TORN))
    assert panels.trending_hour(EMPTY) == ""
