"""What the verbs say and how they end, where nothing has to run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipelines.base.paths import ROOT
from stack import cli

pytestmark = pytest.mark.programs


def stack(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m stack` as a user does."""
    command = [sys.executable, "-m", "stack", *arguments]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, check=False)


def test_a_wrong_setting_is_one_sentence_and_exit_code_1(tmp_path: Path) -> None:
    refused = stack("up", TIDEMARK_TRINO__PORT="many", TIDEMARK_STATE=str(tmp_path))
    assert refused.returncode == 1
    assert refused.stderr.startswith("✗ Settings are wrong: trino.port: ")
    assert refused.stderr.count("\n") == 1


def test_sql_without_trino_says_to_start_it(tmp_path: Path) -> None:
    refused = stack("sql", "--query", "select 1", TIDEMARK_TRINO__PORT="1", TIDEMARK_STATE=str(tmp_path))
    assert refused.returncode == 1
    assert refused.stderr == "✗ Trino does not answer at 127.0.0.1:1: run make up.\n"


def test_sql_of_the_admin_before_the_first_start_says_to_make_one(tmp_path: Path) -> None:
    refused = stack("sql", "--admin", "--query", "select 1", TIDEMARK_STATE=str(tmp_path))
    assert refused.returncode == 1
    assert refused.stderr.endswith("certificate.pem is not there: run make up, which makes it.\n")


def test_a_token_is_printed_alone() -> None:
    printed = CliRunner().invoke(cli.app, ["token"])
    assert len(printed.output.strip().split(".")) == 3


@pytest.mark.usefixtures("state")
def test_status_of_a_stopped_stack_ends_with_1() -> None:
    shown = CliRunner().invoke(cli.app, ["status"])
    assert shown.exit_code == 1
    assert shown.output.count(" stopped ") == 6


def test_clean_keeps_jars_and_nothing_else(state: Path) -> None:
    for name in ("jars", "data", "logs"):
        (state / name).mkdir(parents=True)
        (state / name / "file").touch()
    (state / "ledger.json").touch()
    assert CliRunner().invoke(cli.app, ["clean", "--yes"]).exit_code == 0
    assert [child.name for child in state.iterdir()] == ["jars"]
    assert (state / "jars" / "file").exists()


def test_clean_asks_first(state: Path) -> None:
    (state / "data").mkdir(parents=True)
    assert CliRunner().invoke(cli.app, ["clean"], input="n\n").exit_code == 1
    assert (state / "data").exists()
