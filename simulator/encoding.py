"""Encodes records as Confluent-framed Avro, fast: closures built once per schema, and bytes remembered for values that recur.

Avro 1.12 specification, "Binary Encoding"; money arrives as integer cents and timestamps as integer microseconds.
"""

import json
import struct
from collections.abc import Callable
from typing import Any

Encode = Callable[[Any], bytes]

MAGIC = b"\x00"
REMEMBERED = 65_536  # values kept per field; beyond, values are encoded anew each time
# Values of these fields hardly ever come twice: remembering them would only take memory.
UNIQUE = frozenset({"event_id", "order_id", "session_id", "payment_id", "review_id", "title", "comment"})


class Remembered(dict[Any, bytes]):
    """A dictionary that encodes what it lacks; reading it is the encoder."""

    def __init__(self, encode: Encode) -> None:
        super().__init__()
        self.encode = encode

    def __missing__(self, value: Any) -> bytes:
        encoded = self.encode(value)
        if len(self) < REMEMBERED:
            self[value] = encoded
        return encoded


def framed(schema: str, schema_id: int) -> Encode:
    """Return a function from a record to its Kafka value: zero byte, 4-byte schema id, Avro body."""
    header, body = MAGIC + schema_id.to_bytes(4, "big"), encoder(json.loads(schema))
    return lambda record: header + body(record)


def encoder(schema: Any, field: str = "") -> Encode:
    """Return a function from a value to its Avro bytes; `field` is the name of the field that holds the value.

    Takes a parsed schema. Raises ValueError for a type that no contract of ours uses.
    """
    encode = _plain(schema, field)
    return encode if field in UNIQUE or not _recurs(schema) else Remembered(encode).__getitem__


def _plain(schema: Any, field: str) -> Encode:
    if isinstance(schema, list):
        return _union(schema, field)
    kind = schema["type"] if isinstance(schema, dict) else schema
    if kind == "record":
        return _record([(f["name"], encoder(f["type"], f["name"])) for f in schema["fields"]])
    if kind == "array":
        return _array(encoder(schema["items"]))
    if _is_money(schema):
        return _decimal
    if kind in PRIMITIVES:
        return PRIMITIVES[kind]
    raise ValueError(f"Cannot encode {schema!r} of field {field!r}: teach simulator/encoding.py that type, or use another.")


def _recurs(schema: Any) -> bool:
    """Return whether values of this type recur: strings, small numbers and prices do, times and coordinates do not."""
    if isinstance(schema, list):
        return all(_recurs(branch) for branch in schema)
    return _is_money(schema) or schema in ("null", "string", "int")


def _is_money(schema: Any) -> bool:
    return isinstance(schema, dict) and schema.get("logicalType") == "decimal"


def _record(fields: list[tuple[str, Encode]]) -> Encode:
    return lambda record: b"".join([encode(record[name]) for name, encode in fields])


def _array(item: Encode) -> Encode:
    return lambda values: _long(len(values)) + b"".join(map(item, values)) + b"\x00" if values else b"\x00"


def _union(branches: list[Any], field: str) -> Encode:
    """Return the encoder of null-or-something, in either order: the only union that the contracts use."""
    if len(branches) != 2 or "null" not in branches:
        raise ValueError(f"Cannot encode the union {branches!r} of field {field!r}: use null and one other type.")
    null = branches.index("null")
    nothing, something, encode = _long(null), _long(1 - null), _plain(branches[1 - null], field)
    return lambda value: nothing if value is None else something + encode(value)


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


# Fourteen bits as the two bytes they take inside a longer number, and the rest of a timestamp, which changes every 134 s.
PAIRS = [bytes((low & 0x7F | 0x80, low >> 7 | 0x80)) for low in range(1 << 14)]
REST = Remembered(_varint)


def _long(value: int) -> bytes:
    zigzag = value << 1 if value >= 0 else ~(value << 1)
    if zigzag < 1 << 28:
        return REST[zigzag] if zigzag < REMEMBERED else _varint(zigzag)
    return PAIRS[zigzag & 0x3FFF] + PAIRS[zigzag >> 14 & 0x3FFF] + REST[zigzag >> 28]


def _string(value: str) -> bytes:
    encoded = value.encode()
    return _long(len(encoded)) + encoded


def _decimal(cents: int) -> bytes:
    """Encode an unscaled amount as big-endian two's complement, as fastavro and Java's BigDecimal readers expect."""
    size = (cents.bit_length() + 8) >> 3
    return _long(size) + cents.to_bytes(size, "big", signed=True)


PRIMITIVES: dict[str, Encode] = {
    "string": _string,
    "int": _long,
    "long": _long,
    "double": struct.Struct("<d").pack,
    "float": struct.Struct("<f").pack,
    "boolean": lambda value: b"\x01" if value else b"\x00",
}
