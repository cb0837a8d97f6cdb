"""What `make status` says of queries that fail."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from telling_streams import BAD, FINE, telling_streams

from pipelines.base.settings import settings
from stack import failing_queries
from stack.failing_queries import FailingQuery

RECORD = {"topic": "shop.orders", "partition": 0, "offset": 123, "at_us": 1}


@pytest.fixture
def streams(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Streams that tell that one of two queries fails."""
    with telling_streams(FINE, BAD) as port:
        monkeypatch.setenv("TIDEMARK_SPARK__STATUS_PORT", str(port))
        settings.cache_clear()
        yield
    settings.cache_clear()


@pytest.mark.usefixtures("streams")
def test_only_what_fails_is_found() -> None:
    assert failing_queries.found() == [
        FailingQuery("gold.orders", datetime.fromtimestamp(0, UTC), 5, "An overflow.", None, RECORD)
    ]


def test_streams_that_do_not_answer_have_nothing_to_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEMARK_SPARK__STATUS_PORT", "1")
    settings.cache_clear()
    assert failing_queries.found() == []


def test_the_sentence_ends_with_what_to_do() -> None:
    failing = FailingQuery("gold.orders", datetime.fromtimestamp(0, UTC), 5, "An overflow.", None, RECORD)
    assert failing.sentence() == (
        "gold.orders fails since 1970-01-01 00:00:00 UTC, 5 times in a row: An overflow. "
        "It is the record shop.orders[0]@123: make skip QUERY=gold.orders moves it to quarantine."
    )
