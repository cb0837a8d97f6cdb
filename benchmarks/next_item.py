"""What comes next in the sessions of any set of the published form, measured: `python -m
benchmarks.next_item --train FILE --test FILE`.

The kernel's numbers, the ranker and the embedding are chosen and learned on a cut of the training
sessions; the test prefixes are only measured. `make bench NAME=next_item_quality` measures the sets
with published figures, and writes the receipt.
"""

import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from benchmarks.next_item_sets import measuring
from benchmarks.next_item_sets.measuring import MODELS, Figures, Report
from benchmarks.next_item_sets.reading import SetError, read
from benchmarks.next_item_sets.table import table

out, err = Console(width=160), Console(stderr=True)


class Only(StrEnum):
    """The models in order; one stands for itself and those before it."""

    NEIGHBOURS, FAST, FULL = MODELS


def progress(name: str) -> Report:
    """Return what prints each step for a set, with the seconds since now."""
    began = time.perf_counter()
    return lambda step: out.print(f"{time.perf_counter() - began:8.1f} s  {name}: {escape(step)}", highlight=False)


def measure(train: Path, test: Path, up_to: Only = Only.FULL) -> tuple[dict[str, Figures], Figures]:
    """Measure a set, print its table, and return the figures by model and those of the set."""
    found, name = read(train, test), train.parent.name or train.stem
    report = progress(name)
    facts = measuring.facts(found)
    report(f"{', '.join(f'{key} {value:,.2f}' for key, value in facts.items())}")
    measured = measuring.measure(found, MODELS[: list(Only).index(up_to) + 1], report)
    out.print(table(name, measured))
    return measured, facts


def main(
    train: Annotated[Path, typer.Option(help="Training sessions: Parquet with session and items.")],
    test: Annotated[Path, typer.Option(help="Test prefixes: Parquet with prefix and target.")],
    up_to: Annotated[Only, typer.Option(help="The last model to measure; the embedding takes minutes.")] = Only.FULL,
) -> None:
    """Measure baselines and models on a set of the published form."""
    try:
        measure(train, test, up_to)
    except SetError as error:
        err.print(f"[red]✗[/] {escape(str(error))}", highlight=False, soft_wrap=True)
        raise typer.Exit(1) from error


if __name__ == "__main__":
    typer.run(main)
