"""`python -m benchmarks` lists the benchmarks; with names, or `all`, it measures them and writes
their receipts; with one name and options, as that benchmark's `--help` lists them.
"""

import importlib
import re
import subprocess
import sys
from itertools import takewhile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from benchmarks import receipt
from pipelines.base import logs
from pipelines.base.errors import TidemarkError

HERE = Path(__file__).parent
NOT_BENCHMARKS = {"__init__", "__main__", "claims", "next_item", "receipt"}
FIRST_SENTENCE = re.compile(r'\A"""(.+?\.)(?:\s|""")', re.DOTALL)
out, err = Console(), Console(stderr=True)
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


def sentences() -> dict[str, str]:
    """Return the first sentence of every benchmark's docstring, by name: every module of this
    folder but five is one. None is imported, which would take seconds each.
    """
    files = (file for file in sorted(HERE.glob("*.py")) if file.stem not in NOT_BENCHMARKS)
    found = {file.stem: FIRST_SENTENCE.search(file.read_text()) for file in files}
    return {name: " ".join(sentence[1].split()) if sentence else "" for name, sentence in found.items()}


def show(known: dict[str, str]) -> None:
    """Print every benchmark with its sentence."""
    table = Table(box=None, show_header=False)
    for name, sentence in known.items():
        table.add_row(f"[bold]{name}[/]", sentence)
    out.print(table)


def measure(name: str, options: list[str]) -> None:
    """Run one benchmark with its options; what it raises is written as a failed receipt, unless it
    could not even begin.
    """
    benchmark = typer.Typer(add_completion=False)
    benchmark.command()(importlib.import_module(f"benchmarks.{name}").main)
    command = typer.main.get_command(benchmark)
    with command.make_context(f"python -m benchmarks {name}", options) as context:  # refuses wrong options
        try:
            command.invoke(context)
        except TidemarkError:
            raise
        except Exception as error:
            file = receipt.write(name, {}, {}, failed=f"{type(error).__name__}: {error}")
            err.print(f"  failed; see {file.name}", highlight=False)
            raise


def measure_apart(names: list[str]) -> int:
    """Run each benchmark in a process of its own and return how many failed."""
    done = [subprocess.run([sys.executable, "-m", "benchmarks", name], check=False).returncode for name in names]
    return sum(code != 0 for code in done)


# What follows the first name is not read here: options are the benchmark's own.
@app.command(context_settings={"allow_interspersed_args": False, "ignore_unknown_options": True})
def main(arguments: Annotated[list[str] | None, typer.Argument(metavar="NAME... | all")] = None) -> None:
    """List the benchmarks, or run some; options go to a single one."""
    logs.configure()
    known = sentences()
    names = list(takewhile(lambda word: not word.startswith("-"), arguments or []))
    options = (arguments or [])[len(names) :]
    wanted = list(known) if names == ["all"] else names
    if unknown := [name for name in wanted if name not in known]:
        err.print(f"[red]✗[/] There is no benchmark {', '.join(unknown)}: choose one of {', '.join(known)}.", highlight=False)
        raise typer.Exit(1)
    if options and len(wanted) != 1:
        raise typer.BadParameter("give them behind the name of one benchmark", param_hint=" ".join(options))
    if not wanted:
        show(known)
    elif len(wanted) > 1:
        raise typer.Exit(1 if measure_apart(wanted) else 0)
    else:
        _alone(wanted[0], options)


def _alone(name: str, options: list[str]) -> None:
    try:
        measure(name, options)
    except TidemarkError as error:
        err.print(f"[red]✗[/] {escape(str(error))}", highlight=False, soft_wrap=True)
        raise typer.Exit(1) from error


if __name__ == "__main__":
    app(prog_name="python -m benchmarks")
