"""Encodes records as Confluent-framed Avro, fast: one compiled expression per schema, bytes
remembered for values that recur.

Avro 1.12 specification, "Binary Encoding"; money arrives as integer cents and timestamps as integer
microseconds.
"""

import json
import struct
from collections.abc import Callable
from typing import Any

from pipelines.contracts import framing

Encode = Callable[[Any], bytes]

# Values remembered per field. They recur soon (a visitor's within the visit) or always (products):
# a field that is full begins anew, or after a day it would hold nobody who still comes.
REMEMBERED = 8_192
# Values of these fields hardly ever come twice: remembering them would only take memory.
UNIQUE = frozenset({"event_id", "order_id", "session_id", "payment_id", "review_id", "title", "comment"})


class Remembered(dict[Any, bytes]):
    """A dictionary that encodes what it lacks, emptied when full; reading it is the encoder."""

    def __init__(self, encode: Encode) -> None:
        super().__init__()
        self.encode = encode

    def __missing__(self, value: Any) -> bytes:
        if len(self) >= REMEMBERED:
            self.clear()
        encoded = self[value] = self.encode(value)
        return encoded


def framed(schema: str, schema_id: int) -> Encode:
    """Return a function from a record to its Kafka value: zero byte, 4-byte schema id, Avro
    body.
    """
    return _record(json.loads(schema)["fields"], framing.header(schema_id))


def encoder(schema: Any, field: str = "") -> Encode:
    """Return a function from a value to its Avro bytes, for a parsed schema that is the type of
    `field`.

    Raises ValueError for a type that no contract of ours uses.
    """
    if isinstance(schema, list):
        return _union(schema, field)
    kind = schema["type"] if isinstance(schema, dict) else schema
    if kind == "record":
        return _record(schema["fields"])
    if kind == "array":
        return _array(encoder(schema["items"]))
    if _is_money(schema):
        return _decimal
    if kind in PRIMITIVES:
        return PRIMITIVES[kind]
    raise ValueError(f"Cannot encode {schema!r} of field {field!r}: teach simulator/encoding.py that type, or use another.")


def _record(fields: list[dict[str, Any]], header: bytes = b"") -> Encode:
    """Compile `lambda record: b"".join((…))`, which takes half the time of one closure per
    field.
    """
    names: dict[str, Any] = {"header": header, "length": LENGTHS, "pairs": PAIRS, "rest": LATER}
    parts = ["header", *(_part(field["name"], field["type"], names) for field in fields)]
    encode: Encode = eval(f"lambda record: b''.join(({', '.join(parts)},))", names)  # noqa: S307 - source is ours, see _part
    return encode


def _part(name: str, schema: Any, names: dict[str, Any]) -> str:
    """Return the expressions that encode field `name`, and put into `names` what they refer to."""
    value, own = f"record[{name!r}]", f"f{len(names)}"
    if _is_time(schema):
        return f"pairs[(t := {value} << 1) & 16383], pairs[t >> 14 & 16383], rest[t >> 28]"
    if schema == "string" and name in UNIQUE:
        return f"length[len(s := {value}.encode())], s"
    encode = encoder(schema, name)
    if name not in UNIQUE and _recurs(schema):
        names[own] = Remembered(encode)
        return f"{own}[{value}]"
    names[own] = encode
    return f"{own}({value})"


def _recurs(schema: Any) -> bool:
    """Return whether values of this type recur: strings, small numbers and prices do, times and
    coordinates do not.
    """
    if isinstance(schema, list):
        return all(_recurs(branch) for branch in schema)
    return _is_money(schema) or schema in ("null", "string", "int")


def _is_money(schema: Any) -> bool:
    return isinstance(schema, dict) and schema.get("logicalType") == "decimal"


def _is_time(schema: Any) -> bool:
    return isinstance(schema, dict) and schema.get("logicalType") == "timestamp-micros"


def _array(item: Encode) -> Encode:
    return lambda values: b"".join((framing.long(len(values)), *map(item, values), b"\x00")) if values else b"\x00"


def _union(branches: list[Any], field: str) -> Encode:
    """Return the encoder of null-or-something, in either order: the only union that the contracts
    use.
    """
    if len(branches) != 2 or "null" not in branches:
        raise ValueError(f"Cannot encode the union {branches!r} of field {field!r}: use null and one other type.")
    null = branches.index("null")
    nothing, something, encode = framing.long(null), framing.long(1 - null), encoder(branches[1 - null], field)
    return lambda value: nothing if value is None else something + encode(value)


def _later(rest: int) -> bytes:
    if rest <= 0:
        raise ValueError("Cannot encode a time before 1970-01-01 00:02:15 UTC: mend the event.")
    return framing.varint(rest)


# A time is written as fourteen bits, fourteen bits, and the rest, which changes every 134 s.
PAIRS = [bytes((low & 0x7F | 0x80, low >> 7 | 0x80)) for low in range(1 << 14)]
LATER = Remembered(_later)
LENGTHS = Remembered(framing.long)


def _string(value: str) -> bytes:
    encoded = value.encode()
    return LENGTHS[len(encoded)] + encoded


def _decimal(cents: int) -> bytes:
    """Encode an unscaled amount as big-endian two's complement."""
    size = (cents.bit_length() + 8) >> 3
    return framing.long(size) + cents.to_bytes(size, "big", signed=True)


PRIMITIVES: dict[str, Encode] = {
    "string": _string,
    "int": framing.long,
    "long": framing.long,
    "double": struct.Struct("<d").pack,
    "float": struct.Struct("<f").pack,
    "boolean": lambda value: b"\x01" if value else b"\x00",
}
