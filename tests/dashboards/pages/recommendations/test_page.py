"""The recommendations page over HTTP: what it refuses, what it says without a Trino, and how often
it asks one.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import shown_lists

from dashboards.pages.recommendations import queries
from dashboards.pages.recommendations.board import Board
from dashboards.settings import Settings
from dashboards.trino import Ask

Counting = Callable[[Ask], Any]
Fire = Callable[..., httpx.Response]
Served = Callable[..., AbstractContextManager[httpx.Client]]
Shown = Callable[[Any], str]
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ROWS = {**shown_lists.rows(NOW), queries.CLICKS: shown_lists.clicks(NOW)}


def ask(statement: str, *parameters: object) -> list[list[Any]]:
    """Answer the page's questions; of sessions only one has a list."""
    if statement == queries.LIST:
        return [shown_lists.a_list("session-a", NOW)] if parameters == ("session-a",) else []
    return ROWS[statement]


@pytest.fixture(scope="module")
def page(served: Served) -> Iterator[httpx.Client]:
    """The page of an installation whose Trino is not there: nothing listens on port 1."""
    with served(Settings(trino_port=1), "/recommendations/") as client:
        yield client


@pytest.fixture(scope="module")
def answered(served: Served) -> Iterator[httpx.Client]:
    """The page over rows that are always the same."""
    with served(Settings(), "/recommendations/", ask=ask) as client:
        yield client


def test_the_page_is_found_without_its_last_slash(without_trino: httpx.Client) -> None:
    answer = without_trino.get("/recommendations", follow_redirects=True)
    assert (answer.status_code, answer.url.path) == (200, "/recommendations/")
    assert "Tidemark · Recommendations" in answer.text


@pytest.mark.parametrize("typed", [1, ["session-a"], {"session": 1}, "s" * 201])
def test_a_session_that_is_no_short_text_is_refused(page: httpx.Client, fire: Fire, typed: object) -> None:
    answer = fire(page, "list-rows", session__value=typed)
    assert answer.status_code == 400
    assert "Traceback" not in answer.text


@pytest.mark.parametrize(("window", "scheme"), [("2h", "light"), (None, "light"), ("1h", "mauve"), ("1h", ["light"])])
def test_a_choice_that_is_not_on_the_list_is_refused(page: httpx.Client, fire: Fire, window: object, scheme: object) -> None:
    assert fire(page, "hits", window__value=window, scheme__data=scheme).status_code == 400


@pytest.mark.parametrize("output", ["pulse", "variants-remark", "comparisons-remark", "list-remark", "trending", "made-remark"])
@pytest.mark.parametrize("session", ["", "session-a"])
def test_without_trino_the_page_says_what_is_missing(
    page: httpx.Client, fire: Fire, shown: Shown, output: str, session: str
) -> None:
    answer = fire(page, output, tick__n_intervals=1, session__value=session)
    words = " ".join(shown(list(part.values())) for part in answer.json()["response"].values())
    assert answer.status_code == 200
    assert "Trino does not answer at 127.0.0.1:1:" in words
    assert "make status" in words


@pytest.mark.parametrize("output", ["hits", "click-through"])
def test_without_trino_graphs_are_empty(page: httpx.Client, fire: Fire, output: str) -> None:
    figure = fire(page, output, window__value="6h", scheme__data="dark").json()["response"][output]["figure"]
    assert figure["data"] == []
    assert figure["layout"]["annotations"][0]["text"] == "No data"


@pytest.mark.parametrize("typed", [None, "", " session-a "])
def test_a_session_is_looked_up_and_without_one_the_newest(
    answered: httpx.Client, fire: Fire, shown: Shown, typed: str | None
) -> None:
    parts = fire(answered, "list-rows", session__value=typed).json()["response"]
    assert "1 product-2a-0000 — next after product-2a-0010" in shown(parts["list-rows"])
    assert "add to cart" in shown(parts["clicks-rows"])
    assert "Session session-a" in parts["list-note"]["children"]
    assert parts["session"]["data"] == ["session-a", "session-b"]


@pytest.mark.parametrize("typed", ["lost", "session-a' OR 1=1"])
def test_a_session_without_a_list_is_said_and_is_a_parameter_whatever_it_holds(
    answered: httpx.Client, fire: Fire, shown: Shown, typed: str
) -> None:
    parts = fire(answered, "list-rows", session__value=typed).json()["response"]
    assert f"Session {typed} has no list" in shown(parts["list-remark"]["children"])
    assert parts["list-rows"]["rowData"] == []


def test_figures_have_each_variant_and_a_key(answered: httpx.Client, fire: Fire, shown: Shown) -> None:
    parts = fire(answered, "hits", window__value="6h", scheme__data="light").json()["response"]
    for name in ("hits", "click-through"):
        named = [trace["name"] for trace in parts[name]["figure"]["data"] if "name" in trace]
        assert named == ["interleaved", "popular", "session"]
        assert shown(parts[f"{name}-now"]["children"]) == "interleaved popular session"


def test_ten_readers_cost_one_query_for_each_question(counting: Counting) -> None:
    counted = counting(ask)
    board = Board(counted)
    for _ in range(10):
        board.sessions(), board.made(), board.experiment(), board.coverage(), board.trending(), board.steps("6h")
        board.seen("session-a")
    assert counted.statements == len(ROWS) + 2  # and the session's list with its categories
    board.steps("24h")
    assert counted.statements == len(ROWS) + 3


def test_where_no_list_was_made_nothing_else_is_asked(counting: Counting) -> None:
    counted = counting(lambda statement, *parameters: [])
    board = Board(counted)
    assert [board.experiment().rows, board.trending().rows, board.steps("1h").rows] == [None] * 3
    assert counted.statements == 1


def test_sessions_that_nobody_looks_at_any_more_are_forgotten(counting: Counting) -> None:
    counted = counting(ask)
    board = Board(counted)
    for number in range(100):
        board.seen(f"session {number}")
    board.seen("session 99")
    assert counted.statements == 100
    board.seen("session 0")
    assert counted.statements == 101
