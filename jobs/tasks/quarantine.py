"""Show what silver has refused and lacks, by topic and reason, with the newest examples; without
Spark, in seconds.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from functools import cache, partial
from typing import Annotated, Any, Literal

import typer
from rich.console import Console

from pipelines.base import exits, logs
from pipelines.base.errors import SettingsError, TidemarkError
from pipelines.base.window import EPOCH
from pipelines.contracts.single_records import Decode, decoder
from pipelines.kafka.schema_registry import contract
from pipelines.lake.arrow import open_catalogue
from pipelines.operations.balance import conflicts
from pipelines.operations.duplicates import tell_apart
from pipelines.operations.refused import ID_CONFLICT, Example, Refused, conflicting, refused
from pipelines.silver import REFINED
from pipelines.tables import refined_from

NAME = "quarantine"
LONGEST = 60  # characters of a field
RULE = "broken_rule:"
HOW_TO_RETURN = "What can come back, and how: make quarantine-replay (docs/operations.md)."
NOTHING = "✓ Nothing is refused."
CONFLICTS = f"Events whose id another event has are refused by nobody: make quarantine REASON={ID_CONFLICT} looks for them."

log = logs.get(__name__)


@cache
def decoder_of(topic: str) -> Decode:
    """Return what decodes a topic's records; without its schemas, what decodes none."""
    try:
        return decoder(contract(topic))
    except TidemarkError as error:
        log.warning("not_decoded", topic=topic, error=str(error))
        return lambda value: None


def fields(event: Mapping[str, Any], reason: str, whole: bool = False) -> dict[str, str]:
    """Return what is to be seen of an event, as text: its id, its time and what its reason names;
    the rest may be personal and is there only where the `whole` event is wanted.
    """
    rule = reason.removeprefix(RULE)
    named = [name for name in event if name in rule] or [name for name in event if name.split("_")[0] in rule.split("_")]
    names = event if whole else dict.fromkeys(("event_id", "event_at", *named))
    return {name: _cut(_text(name, event.get(name))) for name in names}


def _text(name: str, value: Any) -> str:
    if name.endswith("_at") and isinstance(value, int):
        try:
            return (EPOCH + timedelta(microseconds=value)).isoformat()
        except OverflowError:
            return f"{value} us since 1970"
    return str(value)


def _cut(text: str) -> str:
    """Return the beginning of a text, without what a terminal would take for commands."""
    plain = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text[:LONGEST])
    return plain if len(text) <= LONGEST else f"{plain}…"


def as_json(found: Sequence[Refused], whole: bool) -> str:
    """Return a list of objects, one for each topic and reason."""
    return json.dumps([_json(each, whole) for each in found], indent=2)


def _json(each: Refused, whole: bool) -> dict[str, Any]:
    examples = [
        {
            **asdict(example),
            "arrived_at": example.arrived_at.isoformat(),
            "key": _key(example),
            "event": example.event and fields(example.event, each.reason, whole),
        }
        for example in each.examples
    ]
    return {**asdict(each), "since": each.since.isoformat(), "newest": each.newest.isoformat(), "examples": examples}


def as_text(found: Sequence[Refused], whole: bool) -> str:
    """Return a line for each topic and reason, and below it one for each example."""
    if not found:
        return NOTHING
    width = max(len(each.reason) for each in found)
    head = f"{'topic':<21} {'reason':<{width}} {'records':>9}  {'since (UTC)':<19}  newest"
    lines = [line for each in found for line in _lines(each, width, whole)]
    return "\n".join([head, *lines, "", HOW_TO_RETURN])


def _lines(each: Refused, width: int, whole: bool) -> Iterator[str]:
    since, newest = _moment(each.since), _moment(each.newest)
    yield f"{each.topic:<21} {each.reason:<{width}} {each.records:>9,}  {since}  {newest}"
    for example in each.examples:
        event = fields(example.event, each.reason, whole) if example.event else {"not": "decodable"}
        cells = [f"{name}={value}" for name, value in event.items()]
        held = [f"the id is that of {example.held}"] if example.held else []
        place = f"{example.partition}-{example.offset}"
        yield "  " + "  ".join([place, _moment(example.arrived_at), f"key {_key(example)}", *held, *cells])


def _key(example: Example) -> str:
    return _cut((example.key or b"").decode(errors="replace"))


def _moment(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S}"


def main(
    topic: Annotated[str | None, typer.Option(help="Only this topic, such as shop.orders.")] = None,
    reason: Annotated[str | None, typer.Option(help=f"Only this reason, or {ID_CONFLICT}.")] = None,
    show: Annotated[Literal["all"] | None, typer.Option(help="Show all fields of the examples; with --reason.")] = None,
    examples: Annotated[int, typer.Option(min=0, help="How many examples of each topic and reason.")] = 3,
    as_objects: Annotated[bool, typer.Option("--json", help="Print a JSON list, for programs.")] = False,
) -> None:
    """Print what was refused and has not come back."""
    with exits.in_words(NAME):
        tables = [refined_from(topic)] if topic else REFINED
        if show and not reason:
            raise SettingsError("Whole events may be personal data: name the reason to look into, REASON=... (--reason).")
        with open_catalogue() as catalogue:
            if reason == ID_CONFLICT:
                apart = conflicts(catalogue, tables, partial(tell_apart, catalogue, contract))
                found = conflicting(catalogue, apart, _decodes, examples)
            else:
                found = refused(catalogue, tables, _decodes, topic, reason, examples)
    text = as_json(found, bool(show)) if as_objects else as_text(found, bool(show))
    note = [] if reason or as_objects else [CONFLICTS]
    Console(soft_wrap=True, highlight=False, markup=False).print("\n".join([text, *note]))


def _decodes(topic: str, value: bytes | None) -> Mapping[str, Any] | None:
    return decoder_of(topic)(value)


if __name__ == "__main__":
    typer.run(main)
