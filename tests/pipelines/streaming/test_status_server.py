"""What the streams tell of their queries over HTTP, and whom."""

from collections.abc import Iterator

import httpx
import pytest
from telling_streams import telling_streams

from pipelines.streaming.records import Record
from pipelines.streaming.status_server import FAILS, RUNS, Status, serve

FINE = Status("silver.orders", RUNS)
BAD = Status("gold.orders", FAILS, "an overflow", 1_700_000_000.5, 3, ("{}", "{}"), Record("shop.orders", 0, 7, 9))


@pytest.fixture
def server() -> Iterator[str]:
    with telling_streams(FINE, BAD) as port:
        yield f"http://127.0.0.1:{port}"


def test_every_query_is_told_with_why_it_fails(server: str) -> None:
    fine, bad = httpx.get(f"{server}/queries").json()
    assert (fine["query"], fine["state"], fine["cause"]) == ("silver.orders", "runs", None)
    assert (bad["state"], bad["cause"], bad["times"], bad["since"]) == ("fails", "an overflow", 3, 1_700_000_000.5)
    assert bad["record"] == {"topic": "shop.orders", "partition": 0, "offset": 7, "at_us": 9}


def test_prometheus_is_given_what_runs_and_what_fails(server: str) -> None:
    text = httpx.get(f"{server}/metrics").text
    assert 'tidemark_query_runs{query="silver.orders"} 1.0' in text
    assert 'tidemark_query_runs{query="gold.orders"} 0.0' in text
    assert 'tidemark_query_failures{query="gold.orders"} 3.0' in text


@pytest.mark.parametrize("path", ["/queries", "/metrics"])
def test_a_page_of_another_name_gets_nothing(server: str, path: str) -> None:
    assert httpx.get(f"{server}{path}", headers={"Host": "evil.example"}).status_code == 403


def test_another_path_is_not_found(server: str) -> None:
    assert httpx.get(f"{server}/jobs").status_code == 404


@pytest.mark.usefixtures("own_settings")
def test_a_port_that_is_taken_costs_the_status_only(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from pipelines.base.settings import settings

    monkeypatch.setenv("TIDEMARK_SPARK__STATUS_PORT", server.rpartition(":")[2])
    settings.cache_clear()
    assert serve(list) is None
