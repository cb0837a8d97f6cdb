"""The picture taker's refusals; the picture itself needs a browser, which a fresh machine may
lack.
"""

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from dash.development.base_component import Component
from typer import Typer
from typer.testing import CliRunner

from dashboards import screenshot
from dashboards.look.frame import PAGES
from dashboards.pages.fraud import layout as fraud
from dashboards.pages.live import layout as live


def test_the_first_browser_on_path_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = tmp_path / "google-chrome"
    browser.write_text("#!/bin/sh\n")
    browser.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert screenshot.browser_path() == str(browser)


def test_without_a_browser_one_sentence_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    command = Typer()
    command.command()(screenshot.main)
    result = CliRunner().invoke(command, ["--out", str(tmp_path / "live.png")])
    assert result.exit_code == 1
    assert "apt-get install chromium" in " ".join(result.stderr.split())
    assert not (tmp_path / "live.png").exists()


@pytest.mark.parametrize(("name", "page"), [("live", live.page), ("fraud", fraud.page)])
def test_what_a_picture_waits_for_is_on_its_page(name: str, page: Callable[[], Component]) -> None:
    waited_for = {part.split()[0].removeprefix("#") for part in screenshot.DRAWN[name] if part.startswith("#")}
    assert waited_for <= set(page())  # a component iterates over the ids in it
    assert screenshot.PATHS[name] in PAGES.values()


@pytest.mark.parametrize("name", screenshot.PATHS)
def test_a_picture_waits_for_every_answer_that_fills_its_page(without_trino: httpx.Client, name: str) -> None:
    callbacks = without_trino.get(f"{screenshot.PATHS[name]}_dash-dependencies").json()
    answers = [{part.split(".")[0] for part in callback["output"].strip(".").split("...")} for callback in callbacks]
    waited_for = {part.split()[0].removeprefix("#") for part in screenshot.DRAWN[name]}
    assert [answer for answer in answers if not answer & waited_for] == [{"scheme"}]
