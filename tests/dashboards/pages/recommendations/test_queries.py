"""The recommendations page's questions on a real Trino. The stack is shared with other tests, so
rows lie in a year of their own.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import numpy as np
import pytest

from dashboards.pages.recommendations import queries
from dashboards.pages.recommendations.queries import Click, Covered, Made, Step, Trend, Wins
from dashboards.pages.recommendations.statistics import Sample
from dashboards.settings import Settings
from dashboards.trino import Ask

Fire = Callable[..., httpx.Response]
Insert = Callable[..., None]
Run = Callable[..., list[list[Any]]]
Shown = Callable[[Any], str]
Tables = Callable[..., AbstractContextManager[None]]
pytestmark = pytest.mark.integration

BEGIN = datetime(2129, 3, 1, tzinfo=UTC)
NOW = datetime(2129, 3, 20, 15, 35, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def _exposure(name: str, ago: timedelta, variant: str, products: list[str], visitor: str) -> dict[str, Any]:
    teams = ["session" if i % 2 else "popular" for i in range(len(products))] if variant == "interleaved" else []
    made = {"event_id": name, "event_at": NOW - ago, "variant": variant, "products": products, "teams": teams}
    return {**made, "visitor_id": visitor, "session_id": f"session-{visitor}"}


EXPOSURES = [
    _exposure("e1", 10 * MINUTE, "session", ["a", "b", "c"], "v1"),
    _exposure("e2", 9 * MINUTE, "session", ["a", "d"], "v1"),
    _exposure("e3", 8 * MINUTE, "session", ["e"], "v2"),
    _exposure("e4", 50 * MINUTE, "popular", ["a", "b"], "v3"),
    _exposure("e5", 40 * MINUTE, "interleaved", ["a", "b", "c", "d"], "v4"),
    _exposure("e6", 40 * MINUTE, "none", [], "v5"),
    _exposure("e7", 3 * DAY, "popular", ["z"], "v6"),
    _exposure("e8", 5 * MINUTE, "session", ["a"], ""),  # nobody knows whose
]


def _outcome(exposure: str, product: str, outcome: str, team: str | None = None) -> dict[str, Any]:
    shown = next(one for one in EXPOSURES if one["event_id"] == exposure)
    same = {name: shown[name] for name in ("variant", "visitor_id", "session_id")}
    return {
        "exposure_id": exposure,
        "product_id": product,
        "outcome": outcome,
        "shown_at": shown["event_at"],
        "team": team,
        **same,
    }


OUTCOMES = [
    _outcome("e1", "a", "viewed"),
    _outcome("e1", "a", "clicked"),
    _outcome("e1", "b", "viewed"),
    _outcome("e1", "b", "carted"),
    _outcome("e1", "b", "bought"),
    _outcome("e2", "d", "viewed"),
    _outcome("e5", "b", "viewed", "session"),
    _outcome("e5", "a", "viewed", "popular"),
    _outcome("e5", "b", "clicked", "session"),
    _outcome("e5", "d", "clicked", "session"),
    _outcome("e5", "a", "clicked", "popular"),
    _outcome("e8", "a", "viewed"),
]


def _list(session: str, ago: timedelta, variant: str, visitor: str, **changes: Any) -> dict[str, Any]:
    at = {"event_at": NOW - ago, "recommended_at": NOW - ago}
    made = {"session_id": session, "visitor_id": visitor, "variant": variant, "fallback": "session", "left_out": [1, 0, 2, 0]}
    return {**at, **made, "model_name": "recommendations", "model_version": "4", **changes}


LISTS = [
    _list(
        "s1",
        0 * MINUTE,
        "session",
        "v1",
        products=["a", "b"],
        scores=[0.5, 0.25],
        reasons=["trending"] * 2,
        teams=["session"] * 2,
    ),
    _list("s2", 90 * MINUTE, "session", "v1"),
    _list("s3", 95 * MINUTE, "session", "v2"),
    _list("s4", 2 * HOUR, "none", "v5", products=[], scores=[], reasons=[], teams=[]),
    _list("s5", 3 * DAY, "popular", "v6"),
    _list("s6", 2 * HOUR, "session", ""),
]
SESSIONS = [
    {"session_id": "s2", "started_at": NOW - 2 * HOUR, "bought": True},
    {"session_id": "s2", "started_at": NOW - 4 * HOUR, "bought": False},  # it went on after a pause: one visit
    {"session_id": "s3", "started_at": NOW - 2 * HOUR, "bought": False},
    {"session_id": "s4", "started_at": NOW - 2 * HOUR, "bought": False},
    {"session_id": "s6", "started_at": NOW - 2 * HOUR, "bought": True},
    {"session_id": "of nobody's list", "started_at": NOW - 2 * HOUR, "bought": True},
]
QUARTER = NOW.replace(minute=30)


def _trend(product: str, start: datetime, sessions: int) -> dict[str, Any]:
    end = start + HOUR
    return {"product_id": product, "window_start": start, "window_end": end, "sessions": sessions, "views": 2 * sessions}


TRENDS = [
    _trend("a", QUARTER, 99),  # it has only just begun
    _trend("a", QUARTER - 45 * MINUTE, 10),
    _trend("b", QUARTER - 45 * MINUTE, 20),
    _trend("a", QUARTER - 105 * MINUTE, 8),
    _trend("c", QUARTER - 105 * MINUTE, 50),
]
CLICKS = [
    {"session_id": "s1", "event_at": NOW - 2 * MINUTE, "product_id": "x", "position": 1},
    {"session_id": "s1", "event_at": NOW, "product_id": "y", "position": 2, "action": "add_to_cart"},
    {"session_id": "s1", "event_at": NOW + MINUTE, "product_id": "after the list", "position": 3},
    {"session_id": "s1", "event_at": NOW - DAY, "product_id": "long ago", "position": 1},
    {"session_id": "s2", "event_at": NOW, "product_id": "of another session", "position": 1},
]


def _order(ago: timedelta, *lines: tuple[str, str]) -> dict[str, Any]:
    items = [(n, product, "seller", category, 1, Decimal("9.90"), Decimal(0)) for n, (product, category) in enumerate(lines, 1)]
    return {"event_at": NOW - ago, "placed_at": NOW - ago, "items": items}


ORDERS = [
    _order(HOUR, ("a", "toys"), ("b", "health_beauty")),
    _order(2 * HOUR, ("a", "an older name")),
    _order(3 * DAY, ("c", "too long ago")),
]
MADE = [
    {"event_at": NOW, "recommended_at": NOW, "model_version": "5", "model_built_at": NOW - HOUR, "fallback": "session"},
    {"event_at": NOW - MINUTE, "recommended_at": NOW - MINUTE, "model_version": "4", "fallback": "session"},
    {"event_at": NOW - MINUTE, "recommended_at": NOW, "model_version": "4", "fallback": "session", "degraded": True},
    {"event_at": NOW - 2 * HOUR, "recommended_at": NOW, "model_version": "3", "fallback": "trending"},
]


@pytest.fixture(scope="module")
def chosen(lake_settings: Settings, tables: Tables, insert: Insert) -> Iterator[Settings]:
    """Settings of pages over a lake with lists, exposures and outcomes of the spring of 2129."""
    with tables(BEGIN):
        insert("silver.exposures", *EXPOSURES)
        insert("gold.recommendation_outcomes", *OUTCOMES)
        insert("gold.recommendations", *LISTS)
        insert("gold.sessions", *SESSIONS)
        insert("gold.item_trends", *TRENDS)
        insert("silver.clicks", *CLICKS)
        insert("silver.orders", *ORDERS)
        insert("silver.recommendations", *({"model_name": "recommendations", **row} for row in MADE))
        insert("gold.stock_levels", *({"product_id": name, "last_movement_at": NOW} for name in "abcdef"))
        yield lake_settings


@pytest.fixture(scope="module")
def ask(chosen: Settings, ask_lake: Ask) -> Ask:
    """What asks that lake."""
    return ask_lake


def test_the_newest_list_is_known(ask: Ask) -> None:
    assert queries.newest(ask) == NOW


def test_what_was_shown_is_counted_per_step_and_variant_and_an_empty_list_is_none(ask: Ask) -> None:
    hour = NOW.replace(minute=0)
    assert queries.steps(ask, NOW - DAY, 1800) == [
        Step(hour - 30 * MINUTE, "interleaved", 1, 1, 4, 3),
        Step(hour - 30 * MINUTE, "popular", 1, 0, 2, 0),
        Step(hour, "session", 3, 2, 6, 1),
        Step(hour + 30 * MINUTE, "session", 1, 1, 1, 0),
    ]


def moments(pairs: list[tuple[int, int]]) -> Sample:
    """The moments of visitors' trials and successes by NumPy."""
    trials, successes = np.array(pairs).T
    if len(pairs) == 1:
        return Sample(1, int(trials[0]), int(successes[0]), None, None, None)
    (x, xy), (_, y) = np.cov(trials, successes)
    return Sample(len(pairs), int(trials.sum()), int(successes.sum()), float(x), float(y), float(xy))


def by_hand(outcome: str, *, of_products: bool) -> dict[str, Sample]:
    """The sample of each variant from the rows above."""
    visitors: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0, 0]))
    for shown in EXPOSURES:
        if shown["products"] and shown["visitor_id"] and shown["event_at"] > NOW - DAY:
            done = sum(1 for row in OUTCOMES if (row["exposure_id"], row["outcome"]) == (shown["event_id"], outcome))
            counted = visitors[shown["variant"]][shown["visitor_id"]]
            counted[0] += len(shown["products"]) if of_products else 1
            counted[1] += done if of_products else bool(done)
    return {variant: moments([(x, y) for x, y in held.values()]) for variant, held in visitors.items()}


@pytest.mark.parametrize(
    ("measure", "outcome", "of_products"),
    [("clicked", "clicked", True), ("viewed", "viewed", False), ("carted", "carted", False), ("bought", "bought", False)],
)
def test_outcomes_are_moments_over_visitors(ask: Ask, measure: str, outcome: str, of_products: bool) -> None:
    found = {row.variant: row.sample for row in queries.outcomes(ask, NOW - DAY) if row.measure == measure}
    expected = by_hand(outcome, of_products=of_products)
    assert found.keys() == expected.keys() == {"session", "popular", "interleaved"}
    for variant, sample in found.items():
        assert sample == pytest.approx(expected[variant])


def test_a_session_converts_once_and_is_its_visitor_s_variant_s(ask: Ask) -> None:
    found = {row.variant: row.sample for row in queries.conversions(ask, NOW - DAY)}
    assert found == {"none": moments([(1, 0)]), "session": pytest.approx(moments([(1, 1), (1, 0)]))}


def test_a_visitor_prefers_the_list_on_which_more_was_clicked(ask: Ask) -> None:
    assert queries.wins(ask, NOW - DAY) == Wins(1, 0, 0)
    assert queries.wins(ask, NOW) == Wins(0, 0, 0)


def test_products_shown_are_counted_once_per_variant_and_in_all(ask: Ask) -> None:
    assert sorted(queries.covered(ask, NOW - DAY), key=str) == sorted(
        [Covered("session", 5), Covered("popular", 2), Covered("interleaved", 4), Covered(None, 5)], key=str
    )


def test_the_catalogue_is_what_has_stock_movements(ask: Ask, run: Run) -> None:
    names = {name for (name,) in run("SELECT product_id FROM gold.stock_levels")}
    assert set("abcdef") <= names
    assert queries.catalogue(ask) == len(names)


def test_who_made_lists_is_counted_with_the_newest_first(ask: Ask) -> None:
    assert queries.made(ask, NOW - HOUR) == [
        Made("recommendations", "4", "session", 2, 1, NOW, None),
        Made("recommendations", "5", "session", 1, 0, NOW, NOW - HOUR),
    ]


def test_trends_are_those_of_the_newest_hour_that_is_nearly_full(ask: Ask) -> None:
    start = QUARTER - 45 * MINUTE
    assert queries.trends(ask, NOW - DAY, NOW - 45 * MINUTE) == [
        Trend("b", start, start + HOUR, 20, 40, 1, 1, 0),
        Trend("a", start, start + HOUR, 10, 20, 1, 1, 8),
    ]


def test_a_product_s_category_is_that_of_its_newest_order(ask: Ask) -> None:
    assert queries.categories(ask, ["a", "b", "c", "unknown"], NOW - DAY) == {"a": "toys", "b": "health_beauty"}
    assert queries.categories(ask, [], NOW - DAY) == {}


def test_sessions_to_pick_from_have_a_list_that_is_not_empty(ask: Ask) -> None:
    assert queries.sessions(ask, NOW - DAY) == ["s1", "s2", "s3", "s6"]


def test_a_session_s_list_is_found_by_the_session_whatever_it_is_called(ask: Ask) -> None:
    found = queries.recommended(ask, "s1")
    assert found is not None
    assert (found.products, found.scores, found.reasons) == (["a", "b"], [0.5, 0.25], ["trending"] * 2)
    assert (found.left_out, found.variant, found.model_version, found.event_at) == ([1, 0, 2, 0], "session", "4", NOW)
    assert queries.recommended(ask, "s1' OR 1=1 --") is None


def test_the_clicks_of_a_list_are_those_until_then(ask: Ask) -> None:
    assert queries.clicks(ask, "s1", NOW - 2 * HOUR, NOW) == [
        Click(NOW, "add_to_cart", "y"),
        Click(NOW - 2 * MINUTE, "view", "x"),
    ]


def test_the_running_page_shows_the_lake(
    chosen: Settings, ask: Ask, served: Callable[..., Any], fire: Fire, shown: Shown
) -> None:
    with served(chosen, "/recommendations/", ask=ask) as browser:
        parts = [
            fire(browser, output, tick__n_intervals=1, window__value="1h", scheme__data="light").json()["response"]
            for output in ("tiles", "hits", "variants-rows", "comparisons-rows", "list-rows", "trending", "made-rows")
        ]
    tiles, graphs, variants, comparisons, session, trending, made = parts
    assert "Hit rate, session's lists 66.7 % popular: 0.0 %" in shown(tiles["tiles"]["children"])
    assert "Index, version 4" in shown(tiles["tiles"]["children"])
    assert {trace.get("name") for trace in graphs["hits"]["figure"]["data"]} == {None, "interleaved", "popular", "session"}
    assert "no lists 1 0 — 0.0 %" in shown(variants["variants-rows"])
    assert "undecided" in shown(comparisons["comparisons-rows"])
    assert "Session s1, variant session" in session["list-note"]["children"]
    assert "1 a toys trending session 0.500" in shown(session["list-rows"])
    assert "add to cart y" in shown(session["clicks-rows"])
    assert "HB b health beauty 20 visits few before" in shown(trending["trending"]["children"])
    assert "recommendations 5 session 1" in shown(made["made-rows"])
