"""`python -m benchmarks` lists the benchmarks; with names, or `all`, it measures them and writes
their receipts.
"""

import ast
import importlib
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from benchmarks import receipt
from pipelines.base import logs
from pipelines.base.errors import TidemarkError

HERE = Path(__file__).parent
NOT_BENCHMARKS = {"__init__", "__main__", "claims", "receipt"}
out, err = Console(), Console(stderr=True)


def sentences() -> dict[str, str]:
    """Return the first line of every benchmark's docstring, by name; a benchmark is a module here
    with a `main`.
    """
    files = (file for file in sorted(HERE.glob("*.py")) if file.stem not in NOT_BENCHMARKS)
    parsed = {file.stem: ast.parse(file.read_text()) for file in files}
    return {
        name: (ast.get_docstring(module) or "").partition("\n")[0]
        for name, module in parsed.items()
        if any(isinstance(part, ast.FunctionDef) and part.name == "main" for part in module.body)
    }


def show(known: dict[str, str]) -> None:
    """Print every benchmark with its sentence."""
    table = Table(box=None, show_header=False)
    for name, sentence in known.items():
        table.add_row(f"[bold]{name}[/]", sentence)
    out.print(table)


def measure(name: str) -> None:
    """Run one benchmark; what it raises is kept as a failed receipt, unless it could not even
    begin.
    """
    try:
        importlib.import_module(f"benchmarks.{name}").main()
    except TidemarkError:
        raise
    except Exception as error:
        file = receipt.write(name, {}, {}, failed=f"{type(error).__name__}: {error}")
        err.print(f"  failed; kept in {file.name}", highlight=False)
        raise


def measure_apart(names: list[str]) -> int:
    """Run each benchmark in a process of its own and return how many failed."""
    done = [subprocess.run([sys.executable, "-m", "benchmarks", name], check=False).returncode for name in names]
    return sum(code != 0 for code in done)


def main(names: Annotated[list[str] | None, typer.Argument(help="Benchmarks to run, or all.")] = None) -> None:
    """List the benchmarks, or run some."""
    logs.configure()
    known = sentences()
    wanted = list(known) if names == ["all"] else names or []
    if unknown := [name for name in wanted if name not in known]:
        err.print(f"[red]✗[/] There is no benchmark {', '.join(unknown)}: choose one of {', '.join(known)}.", highlight=False)
        raise typer.Exit(1)
    if not wanted:
        show(known)
    elif len(wanted) > 1:
        raise typer.Exit(1 if measure_apart(wanted) else 0)
    else:
        _alone(wanted[0])


def _alone(name: str) -> None:
    try:
        measure(name)
    except TidemarkError as error:
        err.print(f"[red]✗[/] {error}", highlight=False, soft_wrap=True)
        raise typer.Exit(1) from error


if __name__ == "__main__":
    typer.run(main)
