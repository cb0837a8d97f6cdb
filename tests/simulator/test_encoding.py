"""The encoder writes the bytes that fastavro writes, for every version of every contract."""

import io
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from fastavro import parse_schema, schemaless_reader, schemaless_writer
from hypothesis import given
from hypothesis import strategies as st

from pipelines.contracts import schemas
from simulator.encoding import REMEMBERED, Remembered, encoder, framed

SCHEMAS = [
    pytest.param(schema, id=f"{topic}-{number}")
    for topic in schemas.topics()
    for number, schema in enumerate(schemas.versions(topic), start=1)
]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PRIMITIVES: dict[str, st.SearchStrategy[Any]] = {
    "null": st.none(),
    "string": st.text(max_size=300),
    "int": st.integers(-(2**31), 2**31 - 1) | st.integers(-100, 10_000),
    "long": st.integers(-(2**63), 2**63 - 1),
    "boolean": st.booleans(),
    "double": st.floats(allow_nan=False),
    "float": st.floats(width=32, allow_nan=False),
}


def values(schema: Any) -> st.SearchStrategy[Any]:
    """Return a strategy of values as the simulator holds them: integer cents, integer
    microseconds.
    """
    if isinstance(schema, list):
        return st.one_of([values(branch) for branch in schema])
    if isinstance(schema, str):
        return PRIMITIVES[schema]
    if schema["type"] == "record":
        return st.fixed_dictionaries({field["name"]: values(field["type"]) for field in schema["fields"]})
    if schema["type"] == "array":
        return st.lists(values(schema["items"]), max_size=5)
    if schema.get("logicalType") == "decimal":
        return st.integers(-(10**12) + 1, 10**12 - 1) | st.integers(-300, 300)
    return st.integers(2**27, 2**54)  # timestamp-micros between 1970 and 2540


def as_python(value: Any, schema: Any) -> Any:
    """Return the value as fastavro holds it: Decimal money, datetime timestamps."""
    if value is None or isinstance(schema, str):
        return value
    if isinstance(schema, list):
        return as_python(value, next(branch for branch in schema if branch != "null"))
    if schema["type"] == "record":
        return {field["name"]: as_python(value[field["name"]], field["type"]) for field in schema["fields"]}
    if schema["type"] == "array":
        return [as_python(item, schema["items"]) for item in value]
    return Decimal(value).scaleb(-2) if schema["logicalType"] == "decimal" else EPOCH + timedelta(microseconds=value)


@pytest.mark.parametrize("schema", SCHEMAS)
@given(data=st.data())
def test_bytes_are_those_of_fastavro_which_reads_them_back(schema: str, data: st.DataObject) -> None:
    tree = json.loads(schema)
    record = data.draw(values(tree))
    expected = io.BytesIO()
    schemaless_writer(expected, parse_schema(tree), as_python(record, tree))
    assert framed(schema, 7)(record) == b"\x00\x00\x00\x00\x07" + expected.getvalue()
    assert schemaless_reader(io.BytesIO(encoder(tree)(record)), parse_schema(tree), None) == as_python(record, tree)


def test_an_earlier_writer_leaves_out_the_fields_it_does_not_know() -> None:
    first, newest = schemas.versions("shop.payments")
    record = {field["name"]: EXAMPLES[str(field["type"])] for field in json.loads(newest)["fields"]}
    body = framed(first, 1)(record)[5:]
    decoded = schemaless_reader(io.BytesIO(body), parse_schema(json.loads(first)), parse_schema(json.loads(newest)))
    assert decoded["three_d_secure"] is None
    assert decoded["amount"] == Decimal("12.34")


def test_the_schema_id_is_four_big_endian_bytes() -> None:
    assert framed('{"fields": []}', 0x01020304)({}) == b"\x00\x01\x02\x03\x04"


@pytest.mark.parametrize("at", [2**27 - 1, 0, -1])
def test_a_time_in_the_first_two_minutes_of_1970_or_before_is_refused(at: int) -> None:
    fields = [{"name": "event_at", "type": {"type": "long", "logicalType": "timestamp-micros"}}]
    with pytest.raises(ValueError, match="before 1970"):
        framed(json.dumps({"fields": fields}), 1)({"event_at": at})


def test_memory_for_recurring_values_is_bounded_and_for_those_of_today() -> None:
    remembered = Remembered(lambda value: str(value).encode())
    for number in range(REMEMBERED):
        assert remembered[number] == str(number).encode()
    assert len(remembered) == REMEMBERED
    for number in range(REMEMBERED, REMEMBERED + 10):
        assert remembered[number] == str(number).encode()
    assert list(remembered) == list(range(REMEMBERED, REMEMBERED + 10))


@pytest.mark.parametrize("schema", [["string", "int"], {"type": "map", "values": "int"}, "bytes"])
def test_a_type_that_no_contract_uses_is_refused(schema: Any) -> None:
    with pytest.raises(ValueError, match="Cannot encode"):
        encoder(schema, "field")


EXAMPLES: dict[str, Any] = {
    "string": "x",
    "int": 1,
    str({"type": "long", "logicalType": "timestamp-micros"}): 1_700_000_000_000_000,
    str({"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 2}): 1234,
    str(["null", "string"]): None,
    str(["null", "double"]): -23.5,
    str(["null", "boolean"]): True,
}
