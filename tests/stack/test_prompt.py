"""Answers print as they are, and statements end where the semicolon is."""

import io

import pytest
from rich.console import Console

from stack import prompt
from stack.trino_client import Answer

GIVEN = Answer(["name", "count"], [["[red]a[/]", 1], [None, 2]])


def test_elsewhere_than_on_a_terminal_values_are_apart_by_tabs() -> None:
    shown = io.StringIO()
    prompt.show(GIVEN, Console(file=shown))
    assert shown.getvalue() == "name\tcount\n[red]a[/]\t1\n\t2\n"


def test_on_a_terminal_it_is_a_table_and_data_is_never_markup() -> None:
    shown = io.StringIO()
    prompt.show(GIVEN, Console(file=shown, force_terminal=True, color_system=None, width=60))
    header, first, _ = shown.getvalue().splitlines()
    assert header.split() == ["name", "count"]
    assert first.split() == ["[red]a[/]", "1"]


def test_a_statement_may_span_lines_and_the_end_of_input_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    typed = iter(["select 1,", "  2;", "select 3; ", "left unfinished"])

    def line(ask: str) -> str:
        given = next(typed, None)
        if given is None:
            raise EOFError
        return given

    monkeypatch.setattr("builtins.input", line)
    assert list(prompt.statements()) == ["select 1,\n  2;", "select 3; "]
