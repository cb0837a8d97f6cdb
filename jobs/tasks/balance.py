"""Show the row balance of every input topic; exit code 1 when a record is missing, held twice or
stuck.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from functools import partial
from typing import Annotated

import typer
from rich.console import Console

from pipelines.base import exits
from pipelines.base.settings import settings
from pipelines.kafka.schema_registry import contract
from pipelines.lake.arrow import open_catalogue
from pipelines.operations import readable
from pipelines.operations.balance import Balance, balances
from pipelines.operations.duplicates import tell_apart
from pipelines.operations.positions import Positions
from pipelines.operations.readable import KafkaAnswer
from pipelines.silver import REFINED

NAME = "balance"
COLUMNS = ("bronze", "silver", "duplicates", "quarantined", "in_flight")


def ask_kafka(topic: str, skipped: Positions) -> KafkaAnswer:
    """Return which of the offsets that bronze has skipped are records."""
    return readable.ask(settings().kafka, topic, skipped)


def oldest_unread(reached: Mapping[str, Mapping[int, int]]) -> dict[str, datetime]:
    """Return by topic when the oldest record came that bronze has not taken in."""
    return readable.oldest_unread(settings().kafka, reached)


def as_json(found: Sequence[Balance]) -> str:
    """Return a list of objects, one for each topic."""
    return json.dumps([{**asdict(each), "missing": each.missing, "holds": each.holds} for each in found], indent=2)


def as_text(found: Sequence[Balance]) -> str:
    """Return a line for each topic, up to 80 columns wide, and a sentence for each that does not
    hold.
    """
    lines = [_line("topic", [column.replace("_", " ") for column in COLUMNS])]
    lines += [_line(each.topic, [f"{getattr(each, column):,}" for column in COLUMNS]) for each in found]
    faults = [fault for each in found for fault in _faults(each)]
    return "\n".join([*lines, "", *(faults or [_verdict(found)]), *_notes(found)])


def _line(topic: str, cells: Sequence[str]) -> str:
    return f"{topic:<21} {cells[0]:>10} {cells[1]:>10} {cells[2]:>10} {cells[3]:>11} {cells[4]:>10}"


def _verdict(found: Sequence[Balance]) -> str:
    waiting = max(each.oldest_s for each in found)
    return "✓ Every record is where it belongs, once" + (f", or under way for {waiting:.0f} s at most." if waiting else ".")


def _faults(each: Balance) -> list[str]:
    faults = {
        f"{each.missing:,} records are missing: make rebuild brings back all but {each.gaps:,} that bronze lacks": each.missing,
        f"{each.doubled:,} rows are more than one for their record": each.doubled,
        f"{_stuck(each)}: run make status": each.is_stuck,
    }
    return [f"✗ {each.topic}: {fault} (docs/operations.md)." for fault, is_so in faults.items() if is_so]


def _stuck(each: Balance) -> str:
    if each.in_flight:
        return f"{each.in_flight:,} are in flight, the oldest for {each.oldest_s:.0f} s"
    return f"what came {each.oldest_s:.0f} s ago is not in bronze yet"


def _notes(found: Sequence[Balance]) -> list[str]:
    return [*_conflicts(found), *_forgotten(found)]


def _conflicts(found: Sequence[Balance]) -> list[str]:
    return [
        f"· {each.topic}: {each.conflicts:,} events have the id of another, which is in silver, and other content: "
        "make quarantine REASON=id_conflict shows them (docs/operations.md)."
        for each in found
        if each.conflicts
    ]


def _forgotten(found: Sequence[Balance]) -> list[str]:
    return [
        f"· {each.topic}: bronze lacks {each.forgotten:,} offsets that Kafka does not hold any more "
        "(markers of transactions, or records: docs/operations.md)."
        for each in found
        if each.forgotten
    ]


def main(
    as_objects: Annotated[bool, typer.Option("--json", help="Print a JSON list, for programs.")] = False,
) -> None:
    """Print where the records of every topic are."""
    with exits.in_words(NAME), open_catalogue() as catalogue:
        apart = partial(tell_apart, catalogue, contract)
        found = balances(catalogue, REFINED, apart, ask_kafka, oldest_unread, settings().upkeep.in_flight_s)
        Console(soft_wrap=True, highlight=False, markup=False).print(as_json(found) if as_objects else as_text(found))
        raise typer.Exit(not all(each.holds for each in found))


if __name__ == "__main__":
    typer.run(main)
