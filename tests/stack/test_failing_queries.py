"""What `make status` says of queries that fail."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from pipelines.base.settings import settings
from stack import failing_queries
from stack.failing_queries import FailingQuery

RECORD = {"topic": "shop.orders", "partition": 0, "offset": 123, "at_us": 1}
FAILS = {
    "query": "gold.orders",
    "state": "fails",
    "cause": "An overflow.",
    "since": 0,
    "times": 5,
    "batch": None,
    "record": RECORD,
}
RUNS = {"query": "silver.orders", "state": "runs", "cause": None, "since": None, "times": 0, "batch": None, "record": None}


@pytest.fixture
def streams(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What answers as the streams do."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps([RUNS, FAILS]).encode())

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("TIDEMARK_SPARK__STATUS_PORT", str(server.server_port))
        settings.cache_clear()
        yield
        server.shutdown()
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
