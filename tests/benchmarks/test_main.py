"""`python -m benchmarks` lists what can be measured, runs it, and keeps failures."""

import importlib
import json
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

import benchmarks.__main__ as command
from benchmarks import receipt


def run(*arguments: str) -> Result:
    """Run the command line."""
    return CliRunner().invoke(command.app, arguments)


GOOD = '''"""Measures nothing,
quickly. That is all."""
from benchmarks import receipt


def main(seconds: float = 1.0):
    receipt.write("good", {}, {"wall_s": seconds})
'''
BAD = '''"""Breaks half way."""


def main():
    raise ValueError("no gold row came")
'''
REFUSED = '''"""Cannot begin."""
from pipelines.base.errors import ServiceUnreachable


def main():
    raise ServiceUnreachable("Run make up.")
'''


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of three benchmarks and its receipts."""
    for name, source in {"good": GOOD, "bad": BAD, "refused": REFUSED}.items():
        (tmp_path / f"{name}.py").write_text(source)
    monkeypatch.setattr(command, "HERE", tmp_path)
    monkeypatch.setattr("benchmarks.__path__", [str(tmp_path)])
    monkeypatch.setattr(receipt, "RECEIPTS", tmp_path / "receipts")
    return tmp_path / "receipts"


def test_every_benchmark_has_a_sentence() -> None:
    known = command.sentences()
    assert {"order_freshness", "ingest_throughput", "start"} <= known.keys()
    assert [name for name, sentence in known.items() if not sentence.endswith(".")] == []


def test_every_listed_module_can_be_measured() -> None:
    modules = {name: importlib.import_module(f"benchmarks.{name}") for name in command.sentences()}
    assert [name for name, module in modules.items() if not callable(getattr(module, "main", None))] == []


def test_without_a_name_benchmarks_are_listed_and_nothing_runs(room: Path) -> None:
    shown = run()
    assert shown.exit_code == 0
    assert [line.strip().split(None, 1) for line in shown.stdout.splitlines()] == [
        ["bad", "Breaks half way."],
        ["good", "Measures nothing, quickly."],
        ["refused", "Cannot begin."],
    ]
    assert not room.exists()


def test_an_unknown_name_is_refused_and_the_known_ones_are_named(room: Path) -> None:
    shown = run("godo")
    assert shown.exit_code == 1
    assert "There is no benchmark godo: choose one of bad, good, refused." in shown.stderr


def test_a_benchmark_writes_its_receipt(room: Path) -> None:
    assert run("good").exit_code == 0
    assert receipt.read("good", room) == {"wall_s": 1.0}


def test_options_reach_the_benchmark(room: Path) -> None:
    assert run("good", "--seconds", "2.5").exit_code == 0
    assert receipt.read("good", room) == {"wall_s": 2.5}


@pytest.mark.parametrize("arguments", [["good", "--secunds", "2"], ["good", "bad", "--seconds", "2"], ["--seconds", "2"]])
def test_an_option_that_belongs_to_no_benchmark_is_refused_and_nothing_runs(room: Path, arguments: list[str]) -> None:
    assert run(*arguments).exit_code == 2
    assert not room.exists()


def test_a_benchmark_lists_its_own_options(room: Path) -> None:
    shown = run("good", "--help")
    assert (shown.exit_code, "--seconds" in shown.stdout) == (0, True)


def test_a_run_that_fails_is_written_as_failed(room: Path) -> None:
    assert run("bad").exit_code == 1
    (failed,) = room.iterdir()
    assert json.loads(failed.read_text())["failed"] == "ValueError: no gold row came"


def test_a_run_that_could_not_begin_leaves_no_receipt(room: Path) -> None:
    shown = run("refused")
    assert (shown.exit_code, room.exists()) == (1, False)
    assert "✗ Run make up." in shown.stderr
