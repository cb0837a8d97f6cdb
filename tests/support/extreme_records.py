"""Records as extreme as their Avro contract allows, as bytes: any bytes for a text, any integers
for a time, any number, arrays of none and of many.

Drawn by a seeded generator, thousands at once: Hypothesis draws the seed.
"""

import io
import json
import math
from datetime import datetime
from decimal import Decimal
from functools import cache
from random import Random
from typing import Any

import fastavro
from builders import BUILDERS, schemas

SECOND = 1_000_000
SHORT = (b"", b" ", b"\x00", b"null", b"x" * 800, b"BRL", b"brl", b"'; drop table x; --")
FOREIGN = ("ü€😀".encode(), "\u202e\ufeff\ud7ff".encode())
LONG = (b"x" * 801, b"y" * 1_500)
NO_UTF8 = (b"\xe3\xe3\xe3\xe3", b"\xff", b"a\xe3", b"\x81\x81", b"\xed\xa0\x80", b"\xf4\x90\x80\x80")
TEXTS = (*SHORT, *FOREIGN, *LONG, *NO_UTF8)
INTS = (-(2**31), -1_000_001, -1_000_000, -1, 0, 1, 2, 999, 1_000_000, 1_000_001, 2_000_000_000, 2**31 - 1)
YEARS = (-62_135_596_801, -1, 0, 946_684_799, 946_684_800, 1_795_348_800, 4_102_444_799, 4_102_444_800, 253_402_300_800)
TIMES = (*(second * SECOND for second in YEARS), -(2**63), 9_223_372_036_854_775, 2**63 - 1)
UNSCALED = (0, 1, -1, 99, 10**11, 10**12 - 1, -(10**12) + 1, 10**12, 2**63, 10**30)
DOUBLES = (0.0, -0.0, 5e-324, 0.5, 1.0, 90.0, 90.1, -180.0, 1e308, math.inf, -math.inf, math.nan)
FLOATS = (0.0, -0.0, 1e-45, 0.5, 3.4e38, math.inf, -math.inf, math.nan)
MANY = (999, 1_001)


def raw(value: Any) -> Any:
    """The value as the bare Avro types that lie below logical types and texts."""
    match value:
        case str():
            return value.encode()
        case datetime():
            return round(value.timestamp() * SECOND)
        case Decimal():
            return two_s_complement(int(value * 100))
        case dict():
            return {name: raw(inner) for name, inner in value.items()}
        case list():
            return [raw(inner) for inner in value]
    return value


def two_s_complement(number: int) -> bytes:
    return number.to_bytes(number.bit_length() // 8 + 1, "big", signed=True)


def bare(kind: Any) -> Any:
    """The Avro type of the same bytes that takes whatever the wire takes."""
    match kind:
        case "string":
            return "bytes"
        case list():
            return [bare(each) for each in kind]
        case {"type": "record"}:
            fields = [{"name": field["name"], "type": bare(field["type"])} for field in kind["fields"]]
            return {"type": "record", "name": kind["name"], "fields": fields}
        case {"type": "array"}:
            return {"type": "array", "items": bare(kind["items"])}
        case {"type": inner}:
            return inner
    return kind


def value(chance: Random, kind: Any) -> Any:
    """Draw a value of an Avro type, from its edges."""
    match kind:
        case list():
            return value(chance, chance.choice(kind))
        case {"type": "array", "items": items}:
            few = [value(chance, items) for _ in range(chance.randrange(4))]
            return few if chance.random() < 0.9 else [value(chance, items)] * chance.choice(MANY)
        case {"type": "record", "fields": fields}:
            return {field["name"]: value(chance, field["type"]) for field in fields}
        case {"logicalType": "decimal"}:
            return two_s_complement(chance.choice(UNSCALED))
        case {"logicalType": _}:
            return chance.choice(TIMES)
        case {"type": inner}:
            return value(chance, inner)
        case "string":
            return chance.choice(TEXTS) if chance.random() < 0.7 else chance.randbytes(chance.randrange(7))
    edges = {"int": INTS, "long": TIMES, "double": DOUBLES, "float": FLOATS, "boolean": (True, False), "null": (None,)}
    return chance.choice(edges[kind])


def records(chance: Random, topic: str, count: int) -> list[bytes]:
    """Draw records of the newest contract as Confluent-framed Avro: good ones, in which a few
    fields, or a field of an order's lines, are extreme.
    """
    fields, bare_schema, frame = _form(topic)
    drawn = []
    for number in range(count):
        event = raw(BUILDERS[topic]())
        event["event_id"] = f"e{number}".encode()
        for name in chance.sample(sorted(fields), chance.randrange(4)):
            event[name] = value(chance, fields[name])
        if topic == "shop.orders" and chance.random() < 0.5:
            lines = {field["name"]: field["type"] for field in fields["items"]["items"]["fields"]}
            changed = chance.choice(sorted(lines))
            event["items"] = [{**line, changed: value(chance, lines[changed])} for line in event["items"][:3]]
        body = io.BytesIO()
        fastavro.schemaless_writer(body, bare_schema, event)
        drawn.append(frame + body.getvalue())
    return drawn


@cache
def _form(topic: str) -> tuple[dict[str, Any], Any, bytes]:
    """The types of a contract's fields, its schema of bare types, and the header of its records."""
    versions = schemas(topic)
    schema = json.loads(versions[-1])
    frame = b"\x00" + len(versions).to_bytes(4, "big")
    return {field["name"]: field["type"] for field in schema["fields"]}, fastavro.parse_schema(bare(schema)), frame
