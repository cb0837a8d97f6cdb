"""Decodes single records without Spark, for people to look at and for comparing a few."""

import io
import json
import struct
from collections.abc import Callable, Mapping
from typing import Any

import fastavro
from fastavro.read import SchemaResolutionError

from pipelines.contracts.contract import Contract
from pipelines.contracts.framing import HEADER_BYTES, header

Event = Mapping[str, Any]
Decode = Callable[[bytes | None], Event | None]
# What fastavro raises where the bytes are no record of the schema.
NO_RECORD = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    SchemaResolutionError,
    TypeError,
    ValueError,
    struct.error,
)


def decoder(contract: Contract) -> Decode:
    """Return the function that gives a record's event in the reader schema; None where it cannot be
    decoded.

    Times are microseconds since 1970, because Python has no word for some; bytes that are no text
    are replaced.
    """
    reader = _without_times(contract.reader)
    writers = {header(id_): _without_times(schema) for id_, schema in contract.writers.items()}
    # Between equal schemas there is nothing to resolve, which is quicker.
    schemas_of = {frame: (writer, None if writer == reader else reader) for frame, writer in writers.items()}

    def decode(value: bytes | None) -> Event | None:
        schemas = schemas_of.get((value or b"")[:HEADER_BYTES])
        if value is None or schemas is None:
            return None
        body = io.BytesIO(value[HEADER_BYTES:])
        try:
            event = fastavro.schemaless_reader(body, *schemas, handle_unicode_errors="replace")
        except NO_RECORD:
            return None
        return event if isinstance(event, dict) else None

    return decode


def _without_times(schema: str) -> Any:
    """Return a schema, parsed, whose times are the whole numbers they are made of."""
    return fastavro.parse_schema(json.loads(schema, object_hook=_number))


def _number(kind: dict[str, Any]) -> dict[str, Any]:
    is_time = str(kind.get("logicalType")).startswith("timestamp")
    return {name: value for name, value in kind.items() if name != "logicalType"} if is_time else kind
