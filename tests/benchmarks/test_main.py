"""`python -m benchmarks` lists what can be measured, runs it, and keeps failures."""

import json
from pathlib import Path

import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

import benchmarks.__main__ as command
from benchmarks import receipt


def run(*arguments: str) -> Result:
    """Run the command line."""
    app = typer.Typer()
    app.command()(command.main)
    return CliRunner().invoke(app, arguments)


GOOD = '''"""Measures nothing, quickly."""
from benchmarks import receipt


def main():
    receipt.write("good", {}, {"wall_s": 1.0})
'''
BAD = '''"""Breaks half way."""


def main():
    raise ValueError("no gold row came")
'''
REFUSED = '''"""Cannot begin."""
from pipelines.errors import ServiceUnreachable


def main():
    raise ServiceUnreachable("Run make up.")
'''


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of three benchmarks and its receipts."""
    for name, source in {"good": GOOD, "bad": BAD, "refused": REFUSED, "helper": '"""No benchmark."""\n'}.items():
        (tmp_path / f"{name}.py").write_text(source)
    monkeypatch.setattr(command, "HERE", tmp_path)
    monkeypatch.setattr("benchmarks.__path__", [str(tmp_path)])
    monkeypatch.setattr(receipt, "RECEIPTS", tmp_path / "receipts")
    return tmp_path / "receipts"


def test_every_benchmark_has_a_sentence() -> None:
    told = command.sentences()
    assert {"order_freshness", "ingest_throughput", "start"} <= told.keys()
    assert [name for name, sentence in told.items() if not sentence.endswith(".")] == []


def test_without_a_name_benchmarks_are_listed_and_nothing_runs(room: Path) -> None:
    told = run()
    assert told.exit_code == 0
    assert [line.strip().split(None, 1) for line in told.stdout.splitlines()] == [
        ["bad", "Breaks half way."],
        ["good", "Measures nothing, quickly."],
        ["refused", "Cannot begin."],
    ]
    assert not room.exists()


def test_an_unknown_name_is_refused_and_the_known_ones_are_named(room: Path) -> None:
    told = run("godo")
    assert told.exit_code == 1
    assert "There is no benchmark godo: choose one of bad, good, refused." in told.stderr


def test_a_benchmark_writes_its_receipt(room: Path) -> None:
    assert run("good").exit_code == 0
    assert receipt.read("good", room) == {"wall_s": 1.0}


def test_a_run_that_fails_is_kept_as_failed(room: Path) -> None:
    assert run("bad").exit_code == 1
    (kept,) = room.iterdir()
    assert json.loads(kept.read_text())["failed"] == "ValueError: no gold row came"


def test_a_run_that_could_not_begin_leaves_no_receipt(room: Path) -> None:
    told = run("refused")
    assert (told.exit_code, room.exists()) == (1, False)
    assert "✗ Run make up." in told.stderr
