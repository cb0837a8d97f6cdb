"""Names say what they hold: words that would fit anything are no names here (docs/glossary.md)."""

import ast
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.base.paths import ROOT

EMPTY = {"told", "said", "mine", "its", "kept", "asked"}


def names(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Yield every name that a piece of code gives to something, with its line."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield name, node.lineno
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name, node.lineno


def empty_names(text: str) -> list[tuple[str, int]]:
    """Return the names in a module that say nothing of what they hold."""
    return [(name, line) for name, line in names(ast.parse(text)) if name.strip("_") in EMPTY]


def test_no_name_is_one_that_would_fit_anything() -> None:
    listed = subprocess.run(["git", "ls-files", "-z", "*.py"], cwd=ROOT, capture_output=True, text=True, check=True)
    files = [Path(name) for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]
    found = {str(file): names for file in files if (names := empty_names((ROOT / file).read_text()))}
    assert found == {}, "say what it holds: settings, metrics, findings, answer, champion ..."


@pytest.mark.parametrize(
    "code", ["told = 1", "def f(said): pass", "for mine in (): pass", "self.its = 1", "def asked(): pass", "kept = {}"]
)
def test_such_names_are_found(code: str) -> None:
    assert len(empty_names(code)) == 1
