"""Show the row balance of every input topic; exit code 1 when a record is missing or held twice."""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict

from pyspark.sql import SparkSession
from rich.console import Console

from pipelines.operations.balance import Balance, balances
from pipelines.silver import REFINED
from pipelines.streaming.job import run

COLUMNS = ("bronze", "silver", "duplicates", "quarantined", "in_flight")


def show_balance(spark: SparkSession, written: Callable[[Sequence[Balance]], str]) -> None:
    """Print the balance of every topic, as `written` words it."""
    found = balances(spark, REFINED)
    Console(soft_wrap=True, highlight=False, markup=False).print(written(found))
    if not all(each.holds for each in found):
        sys.exit(1)


def as_json(found: Sequence[Balance]) -> str:
    """Return a list of objects, one for each topic."""
    return json.dumps([{**asdict(each), "missing": each.missing, "holds": each.holds} for each in found], indent=2)


def as_text(found: Sequence[Balance]) -> str:
    """Return a line for each topic, up to 80 columns wide, and a sentence for each that does not
    hold.
    """
    lines = [_line("topic", [column.replace("_", " ") for column in COLUMNS])]
    lines += [_line(each.topic, [f"{getattr(each, column):,}" for column in COLUMNS]) for each in found]
    lines += ["", *(_fault(each) for each in found if not each.holds)]
    if all(each.holds for each in found):
        lines.append("✓ Every record is where it belongs, once.")
    return "\n".join(lines)


def _line(topic: str, cells: Sequence[str]) -> str:
    return f"{topic:<21} {cells[0]:>10} {cells[1]:>10} {cells[2]:>10} {cells[3]:>11} {cells[4]:>10}"


def _fault(each: Balance) -> str:
    return (
        f"✗ {each.topic}: {each.missing} missing ({each.gaps} of them skipped by bronze), {each.doubled} rows too many: "
        "docs/operations.md, Row balance."
    )


def main() -> None:
    """Read the command line, count, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print a JSON list instead of a table")
    written = as_json if parser.parse_args().json else as_text
    run("balance", lambda spark: show_balance(spark, written))


if __name__ == "__main__":
    main()
