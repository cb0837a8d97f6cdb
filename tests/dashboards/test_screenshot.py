"""The picture taker's refusals; the picture itself needs a browser, which a fresh machine may lack."""

from pathlib import Path

import pytest
from typer import Typer
from typer.testing import CliRunner

from dashboards import screenshot


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
