"""The picture taker's refusals; the picture itself needs a browser, which a fresh machine may
lack.
"""

from pathlib import Path

import httpx
import pytest
from typer import Typer
from typer.testing import CliRunner

from dashboards import screenshot
from dashboards.look.frame import frame
from dashboards.pages import PAGES
from dashboards.pages.page import Page

pytestmark = pytest.mark.programs


def command() -> Typer:
    """The command line as `python -m dashboards.screenshot` has it."""
    made = Typer()
    made.command()(screenshot.main)
    return made


def test_the_first_browser_on_path_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = tmp_path / "google-chrome"
    browser.write_text("#!/bin/sh\n")
    browser.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert screenshot.browser_path() == str(browser)


def test_without_a_browser_one_sentence_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    result = CliRunner().invoke(command(), ["--out", str(tmp_path)])
    assert result.exit_code == 1
    assert "apt-get install chromium" in " ".join(result.stderr.split())
    assert not (tmp_path / "live.png").exists()


def test_a_page_that_is_not_there_is_refused_with_those_that_are(tmp_path: Path) -> None:
    result = CliRunner().invoke(command(), ["--out", str(tmp_path), "--page", "lost"])
    assert result.exit_code == 1
    assert "choose one of live, fraud" in " ".join(result.stderr.split())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_picture_waits_for_every_answer_that_fills_its_page(without_trino: httpx.Client, page: Page) -> None:
    layout = frame(page.layout(), page.path, [])
    names = [drawn.split()[0].removeprefix("#") for drawn in page.drawn]
    waited_for = {part for name in names for part in (name, *layout[name])}  # the ids in it
    callbacks = without_trino.get(f"{page.path}_dash-dependencies").json()
    answers = [{part.split(".")[0] for part in callback["output"].strip(".").split("...")} for callback in callbacks]
    assert [answer for answer in answers if not answer & waited_for] == [{"scheme"}, {"failing-queries"}]
