"""A query that fails is said on every page, with what to do."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from telling_streams import BAD, FINE, telling_streams

from dashboards import streams
from dashboards.pages import PAGES
from dashboards.settings import Settings
from dashboards.streams import Failing


@pytest.fixture
def status_port() -> Iterator[int]:
    """The port on which streams tell that one of two queries fails."""
    with telling_streams(FINE, BAD) as port:
        yield port


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_page_says_what_fails(
    served: Callable[..., AbstractContextManager[httpx.Client]],
    fire: Callable[..., httpx.Response],
    status_port: int,
    page: Any,
) -> None:
    with served(Settings(trino_port=1, spark_status_port=status_port), page.path) as client:
        text = fire(client, "failing-queries").text
    assert "gold.orders does not go on since 1970-01-01 00:00:00 UTC: An overflow." in text
    assert "make skip QUERY=gold.orders" in text
    assert "silver.orders" not in text


def test_without_a_record_the_sentence_says_where_more_is() -> None:
    failing = Failing("gold.orders", datetime.fromtimestamp(0, UTC), "No catalogue.", None)
    assert (
        failing.sentence() == "gold.orders does not go on since 1970-01-01 00:00:00 UTC: No catalogue. `make status` has more."
    )


def test_nothing_is_shown_while_all_is_well_or_nobody_answers() -> None:
    assert streams.shown([]) is None
    assert streams.finder(Settings(spark_status_port=1))() == []
