"""The page over HTTP, without a Trino: it serves, it refuses what it must, and it says what is
missing.
"""

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from dashboards.app import MOST_BODY_BYTES
from stack.ports import some_free

Fire = Callable[..., httpx.Response]
Shown = Callable[[Any], str]
ATTACKS = ["30m'; DROP TABLE gold.orders; --", "1h", "", None, 30, ["30m"], {"30m": 1}]


def test_the_page_is_served_with_its_doors_shut(without_trino: httpx.Client) -> None:
    answer = without_trino.get("/")
    assert answer.status_code == 200
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self' 'sha256-" in policy
    assert "unsafe-eval" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_nothing_is_loaded_from_elsewhere(without_trino: httpx.Client) -> None:
    html = without_trino.get("/").text
    loaded = re.findall(r'(?:src|href)="([^"]+)"', html)
    assert len(loaded) > 5
    assert [url for url in loaded if not url.startswith("/")] == []


def test_every_asset_is_there(without_trino: httpx.Client) -> None:
    assets = [url for url in re.findall(r'(?:src|href)="([^"]+)"', without_trino.get("/").text) if "assets" in url]
    assert {without_trino.get(url).status_code for url in assets} == {200}
    assert any("pages.css" in url for url in assets)


def test_a_foreign_host_name_is_refused(without_trino: httpx.Client) -> None:
    assert without_trino.get("/", headers={"Host": "rebound.example"}).status_code == 400


def test_the_layout_names_every_window(without_trino: httpx.Client) -> None:
    assert {'"30m"', '"3h"', '"24h"'} <= set(re.findall(r'"\w+"', without_trino.get("/_dash-layout").text))


@pytest.mark.parametrize("output", ["gmv", "decisions"])
@pytest.mark.parametrize("window", ATTACKS)
def test_a_window_that_is_not_on_the_list_is_refused(
    without_trino: httpx.Client, fire: Fire, output: str, window: object
) -> None:
    answer = fire(without_trino, output, window__value=window, scheme__data="light")
    assert answer.status_code == 400
    assert "Traceback" not in answer.text


def test_a_colour_scheme_that_is_not_on_the_list_is_refused(without_trino: httpx.Client, fire: Fire) -> None:
    assert fire(without_trino, "gmv", window__value="30m", scheme__data="mauve").status_code == 400


@pytest.mark.parametrize("output", ["newest-orders-remark", "freshness", "pulse"])
def test_without_trino_the_page_says_what_is_missing(
    without_trino: httpx.Client, fire: Fire, shown: Shown, output: str
) -> None:
    answer = fire(without_trino, output, tick__n_intervals=1)
    words = " ".join(shown(list(part.values())) for part in answer.json()["response"].values())
    assert answer.status_code == 200
    assert "Trino does not answer at 127.0.0.1:1:" in words
    assert "make status" in words
    assert "Error" not in words


def test_without_trino_graphs_are_empty_axes(without_trino: httpx.Client, fire: Fire) -> None:
    figure = fire(without_trino, "gmv", window__value="3h", scheme__data="dark").json()["response"]["gmv"]["figure"]
    assert figure["data"] == []
    assert figure["layout"]["annotations"][0]["text"] == "No data"


def _started(**environment: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "dashboards.app", "--json-logs"]
    return subprocess.Popen(
        command, env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_the_command_serves_the_page_and_stops_on_sigterm() -> None:
    (port,) = some_free(1)
    with _started(TIDEMARK_DASH__PORT=str(port)) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["url"] == f"http://127.0.0.1:{port}"
        assert httpx.get(f"http://127.0.0.1:{port}/", timeout=60).status_code == 200
        process.terminate()


@pytest.mark.parametrize("chunked", [False, True])
def test_a_question_larger_than_any_of_a_page_is_refused(chunked: bool) -> None:
    (port,) = some_free(1)
    body = b" " * (MOST_BODY_BYTES + 1)
    with _started(TIDEMARK_DASH__PORT=str(port)) as process:
        assert process.stdout is not None
        process.stdout.readline()
        url = f"http://127.0.0.1:{port}/_dash-update-component"
        refused = httpx.post(url, content=iter([body]) if chunked else body, headers={"Content-Type": "application/json"})
        process.terminate()
    assert refused.status_code == 413


@pytest.mark.parametrize(
    ("setting", "reason"), [("TIDEMARK_DASH__PORT", "greater than or equal to 1"), ("TIDEMARK_TRINO__PORT", "")]
)
def test_a_wrong_setting_stops_the_start_with_one_sentence(setting: str, reason: str) -> None:
    with _started(**{setting: "0"}) as process:
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert f"{setting}=0" in errors
    assert reason in errors
    assert "Traceback" not in errors


def test_a_taken_port_stops_the_start_with_one_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with _started(TIDEMARK_DASH__PORT=str(taken.getsockname()[1])) as process:
            _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "is in use" in errors
    assert "Traceback" not in errors
