"""The Avro contracts of conf/schemas: which versions a topic's schema has had, and whether the
newer read the older.
"""

from collections.abc import Iterator
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import cast

from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityResult, SchemaCompatibilityType
from avro.errors import AvroException
from avro.schema import RecordSchema, Schema, parse

from pipelines.base.errors import ContractError
from pipelines.base.paths import ROOT
from pipelines.contracts.resolution import Unreadable, resolution

SCHEMAS = ROOT / "conf" / "schemas"


@cache
def topics(folder: Path = SCHEMAS) -> tuple[str, ...]:
    """Return every topic that has a contract in `folder`, sorted."""
    return tuple(sorted(path.name.removesuffix(".avsc") for path in folder.glob("*.avsc")))


@cache
def versions(topic: str, folder: Path = SCHEMAS) -> tuple[str, ...]:
    """Return the topic's schemas as JSON, oldest first: `earlier/<topic>.<n>.avsc` in order of n,
    then `<topic>.avsc`.
    """
    newest = folder / f"{topic}.avsc"
    if not newest.is_file():
        raise ContractError(f"There is no contract for topic {topic} at {newest}: add it, or mend the topic's name.")
    earlier = sorted((folder / "earlier").glob(f"{topic}.*.avsc"), key=lambda path: int(path.suffixes[-2][1:]))
    return tuple(path.read_text() for path in [*earlier, newest])


def reader(topic: str) -> str:
    """Return the newest schema of the topic as JSON: the one that every record is read with."""
    return versions(topic)[-1]


def record_name(topic: str) -> str:
    """Return the full name of the topic's record."""
    return str(_parsed(reader(topic)).fullname)


def differences(newer: str, older: str) -> list[str]:
    """Return in words why `newer` cannot read records written with `older`; empty when it can."""
    reading, writing = _parsed(newer), _parsed(older)
    result = _compared(reading, writing)
    if result.compatibility is not SchemaCompatibilityType.compatible:
        return sorted(_by_field(reading, writing)) or sorted(result.messages)
    try:
        resolution(older, newer)
    except Unreadable as error:
        return [str(error)]  # the types are alike, and mean something else
    return []


def check(topic: str, schemas: tuple[str, ...]) -> None:
    """Raise ContractError unless each of `schemas` (oldest first) reads all that were written
    before it.
    """
    wrong = sorted({reason for older, newer in combinations(schemas, 2) for reason in differences(newer, older)})
    if wrong:
        raise ContractError(
            f"The schema of {topic} cannot read records that were written before it ({'; '.join(wrong)}): "
            "change no types and give new fields a default, or start a new topic."
        )


def _by_field(reading: RecordSchema, writing: RecordSchema) -> Iterator[str]:
    written = {field.name: field.type for field in writing.fields}
    for field in reading.fields:
        if field.name in written:
            yield from (f"field {field.name}: {message}" for message in _compared(field.type, written[field.name]).messages)
        elif not field.has_default:
            yield f"field {field.name} is new and has no default"


def _compared(reading: Schema, writing: Schema) -> SchemaCompatibilityResult:
    checker = ReaderWriterCompatibilityChecker()  # type: ignore[no-untyped-call]
    return checker.get_compatibility(reading, writing)


def _parsed(schema: str) -> RecordSchema:
    try:
        return cast(RecordSchema, parse(schema))
    except AvroException as error:
        raise ContractError(f"A schema in conf/schemas is not valid Avro ({error}): mend it.") from error
