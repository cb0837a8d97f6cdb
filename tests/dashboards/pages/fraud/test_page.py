"""The fraud page over HTTP, without a Trino: what it refuses, and that it says what is missing."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import httpx
import pytest

from dashboards.settings import Settings

Fire = Callable[..., httpx.Response]
Served = Callable[..., AbstractContextManager[httpx.Client]]
Shown = Callable[[Any], str]
ATTACKS = ["review' OR 1=1", "approve", "", None, 1, ["review"], {"review": 1}]


@pytest.fixture(scope="module")
def page(served: Served) -> Iterator[httpx.Client]:
    """The fraud page of an installation whose Trino is not there: nothing listens on port 1."""
    with served(Settings(trino_port=1), "/fraud/") as client:
        yield client


def test_the_page_is_found_without_its_last_slash(without_trino: httpx.Client) -> None:
    answer = without_trino.get("/fraud", follow_redirects=True)
    assert (answer.status_code, answer.url.path) == (200, "/fraud/")
    assert "Tidemark · Fraud" in answer.text


def test_its_doors_are_shut_like_those_of_the_live_page(without_trino: httpx.Client) -> None:
    live, fraud = (without_trino.get(path) for path in ("/", "/fraud/"))
    assert fraud.headers["content-security-policy"] == live.headers["content-security-policy"]
    assert without_trino.get("/fraud/", headers={"Host": "rebound.example"}).status_code == 400


@pytest.mark.parametrize("choice", ATTACKS)
def test_a_choice_that_is_not_on_the_list_is_refused(page: httpx.Client, fire: Fire, choice: object) -> None:
    answer = fire(page, "queue-rows", shown__value=choice)
    assert answer.status_code == 400
    assert "Traceback" not in answer.text


@pytest.mark.parametrize("output", ["quality", "drift"])
@pytest.mark.parametrize("scheme", ["mauve", None, ["light"]])
def test_a_colour_scheme_that_is_not_on_the_list_is_refused(
    page: httpx.Client, fire: Fire, output: str, scheme: object
) -> None:
    assert fire(page, output, scheme__data=scheme).status_code == 400


@pytest.mark.parametrize("output", ["pulse", "queue-remark", "versions-remark", "shadow"])
def test_without_trino_the_page_says_what_is_missing(page: httpx.Client, fire: Fire, shown: Shown, output: str) -> None:
    answer = fire(page, output, tick__n_intervals=1, shown__value="all")
    words = " ".join(shown(list(part.values())) for part in answer.json()["response"].values())
    assert answer.status_code == 200
    assert "Trino does not answer at 127.0.0.1:1:" in words
    assert "make status" in words


@pytest.mark.parametrize("output", ["quality", "money", "drift"])
def test_without_trino_graphs_are_empty(page: httpx.Client, fire: Fire, output: str) -> None:
    figure = fire(page, output, scheme__data="dark").json()["response"][output]["figure"]
    assert figure["data"] == []
    assert figure["layout"]["annotations"][0]["text"] == "No data"
