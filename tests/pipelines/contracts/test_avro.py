"""A record put together from parts has the bytes that fastavro writes, and one that others wrote is
read by what its values mean, or is not decoded; nothing that is registered breaks a query.
"""

import io
import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import fastavro
import numpy as np
import pytest
from builders import NOON, a_payment, a_score, kafka_records, schemas
from builders import written as framed
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pyspark.sql import Row, SparkSession
from pyspark.sql import functions as F

from pipelines.base.errors import ContractError
from pipelines.base.java import jdk17
from pipelines.contracts.avro import decode, encode_around, float_arrays, frame_refusal
from pipelines.contracts.contract import Contract, Writer, contract_of
from pipelines.fraud.scoring import SCORE_NAMES, SCORE_SCHEMA

SCORES = "tidemark.fraud_scores"
FLOATS = {"type": "array", "items": "float"}


def written(value: Any, schema: Any) -> bytes:
    """Return what fastavro makes of a value."""
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(schema), value)
    return out.getvalue()


@given(arrays(np.float32, st.tuples(st.integers(0, 4), st.integers(1, 200)), elements=st.floats(width=32)))
def test_rows_of_floats_are_arrays_of_avro(rows: np.ndarray) -> None:
    assert float_arrays(rows).to_pylist() == [written(row.tolist(), FLOATS) for row in rows]


def test_columns_that_the_schema_lacks_are_refused(spark: SparkSession) -> None:
    with pytest.raises(ContractError, match="mend novelty"):
        encode_around("features", [*SCORE_NAMES, "novelty"], Writer(SCORES, schemas(SCORES)[-1], 7))


def test_a_record_around_bytes_that_are_ready_is_the_record(spark: SparkSession) -> None:
    schema = schemas("tidemark.fraud_scores")[-1]
    score = a_score(features=[1.5, float("nan"), -2.0], reasons=["speed: 900 (km/h)"])
    ready = {**score, "features": written(score["features"], FLOATS)}
    frame = spark.createDataFrame([[ready[name] for name in SCORE_NAMES]], SCORE_SCHEMA)
    ((value,),) = frame.select(encode_around("features", SCORE_NAMES, Writer(SCORES, schema, 7))).collect()
    assert bytes(value) == b"\x00\x00\x00\x00\x07" + written(score, json.loads(schema))


PAYMENTS = schemas("shop.payments")
DECIMAL = {"type": "bytes", "logicalType": "decimal"}
WIDE, WIDER = {**DECIMAL, "precision": 14, "scale": 4}, {**DECIMAL, "precision": 30, "scale": 2}
EAST = {"latitude": 3, "longitude": 4}
WIDE_UNION = ["int", "null", {"type": "record", "name": "Node", "fields": []}, "string"]
NODE = {"type": "record", "name": "Node", "fields": [{"name": "next", "type": ["null", "Node"]}]}
MILLIS = {"type": "long", "logicalType": "timestamp-millis"}


def changed(change: Callable[[Any], object]) -> str:
    """Our payment, changed by somebody else."""
    tree = json.loads(PAYMENTS[-1])
    change(tree)
    return json.dumps(tree)


def retyped(**types: Any) -> str:
    """Our payment with other types of some fields."""
    return changed(lambda tree: [each.update(type=types[each["name"]]) for each in tree["fields"] if each["name"] in types])


def with_field(place: int, name: str, type_: Any) -> str:
    """Our payment with one more field in some place."""
    return changed(lambda tree: tree["fields"].insert(place, {"name": name, "type": type_}))


@dataclass(frozen=True)
class Odd:
    """What somebody else writes, and what of our payment is then read; None where it is not."""

    schema: str
    event: dict[str, Any] = field(default_factory=dict)
    read: dict[str, Any] | None = field(default_factory=dict)


def nodes(depth: int) -> Any:
    node = None
    for _ in range(depth):
        node = {"next": node}
    return node


ODD = {
    "other names": Odd(changed(lambda tree: tree.update(name="Zahlung", namespace="com.acme"))),
    "other order": Odd(changed(lambda tree: tree["fields"].reverse())),
    "scale 4": Odd(retyped(amount=WIDE), {"amount": Decimal("12.34")}, {"amount": Decimal("12.34")}),
    "a third of a cent": Odd(retyped(amount=WIDE), {"amount": Decimal("12.3433")}, None),
    "scale 0": Odd(retyped(amount={**DECIMAL, "precision": 38}), {"amount": Decimal(12)}, {"amount": Decimal("12.00")}),
    "more than 64 bits": Odd(retyped(amount=WIDER), {"amount": Decimal(2**64 + 500).scaleb(-2)}, None),
    "beyond our digits": Odd(retyped(amount=WIDER), {"amount": Decimal(10**10)}, None),
    "a fixed decimal": Odd(retyped(amount={**DECIMAL, "type": "fixed", "name": "D", "size": 8, "precision": 18, "scale": 3})),
    "milliseconds": Odd(retyped(event_at=MILLIS)),
    "milliseconds or none": Odd(retyped(event_at=["null", MILLIS])),
    "no time": Odd(retyped(event_at=["null", MILLIS]), {"event_at": None}, None),
    "an enum": Odd(retyped(method={"type": "enum", "name": "M", "symbols": ["boleto", "credit_card"]})),
    "bytes": Odd(retyped(device_id="bytes"), {"device_id": b"d1"}),
    "java string": Odd(retyped(device_id={"type": "string", "avro.java.string": "String"})),
    "a wider union": Odd(retyped(order_id=WIDE_UNION), {"order_id": "o7"}, {"order_id": "o7"}),
    "another branch": Odd(retyped(order_id=WIDE_UNION), {"order_id": 7}, None),
    "whole numbers": Odd(retyped(latitude=["null", "int"], longitude=["long", "null"]), EAST, EAST),
    "never known": Odd(retyped(latitude=["null"], longitude="null")),
    "a field more": Odd(with_field(3, "gift", {"type": "enum", "name": "Gift", "symbols": ["yes", "no"]}), {"gift": "no"}),
    "a union more": Odd(
        with_field(
            0, "extra", ["null", "int", {"type": "enum", "name": "E", "symbols": ["a"]}, {"type": "map", "values": DECIMAL}]
        ),
        {"extra": {"k": b"v"}},
    ),
    "a record twice more": Odd(
        changed(
            lambda tree: tree["fields"].__setitem__(
                slice(0, 0),
                [
                    {"name": "one", "type": {"type": "record", "name": "G", "fields": [{"name": "n", "type": "int"}]}},
                    {"name": "two", "type": {"type": "array", "items": "shop.G"}},
                ],
            )
        ),
        {"one": {"n": 1}, "two": [{"n": 2}, {"n": 3}]},
    ),
    "500 more": Odd(
        changed(lambda tree: tree["fields"].__setitem__(slice(5, 5), [{"name": f"f{n}", "type": "int"} for n in range(500)])),
        {f"f{n}": n for n in range(500)},
    ),
    "a tree more": Odd(with_field(99, "tree", NODE), {"tree": nodes(300)}),
}


def rows(spark: SparkSession, contract: Contract, values: list[bytes]) -> list[Row]:
    """What each of the records is decoded to, and why it cannot even be tried."""
    value = F.col("value")
    records = kafka_records(spark, contract.topic, [*values])
    return records.select(decode(value, contract).alias("event"), frame_refusal(value, contract).alias("refusal")).collect()


def test_what_others_write_is_read_by_what_it_means_or_not_at_all(spark: SparkSession) -> None:
    contract, refused = contract_of("shop.payments", PAYMENTS, {n: odd.schema for n, odd in enumerate(ODD.values())})
    assert not refused
    values = [framed({**a_payment(), **odd.event}, odd.schema, n) for n, odd in enumerate(ODD.values())]

    found = rows(spark, contract, values)

    for (name, odd), row in zip(ODD.items(), found, strict=True):
        if odd.read is None:
            assert row["event"] is None or row["event"]["event_id"] is None, name
        else:
            expected = {**a_payment(), **odd.read, "event_at": NOON.replace(tzinfo=None)}
            del expected["event_at_given_us"]  # no producer gives it
            assert row["event"].asDict() == expected, name


def test_an_unreadable_schema_is_told_from_an_unknown_one_and_is_read_once_it_can_be(spark: SparkSession) -> None:
    gift = {"type": "record", "name": "Gift", "namespace": "shop", "fields": [{"name": "note", "type": "string"}]}
    named, whole = with_field(0, "gift", "shop.Gift"), with_field(0, "gift", gift)
    values = [framed({**a_payment(), "gift": {"note": "hello"}}, whole, schema_id) for schema_id in (1, 2)]

    contract, _ = contract_of("shop.payments", PAYMENTS, {1: named})
    assert [row["refusal"] for row in rows(spark, contract, values)] == ["unreadable_schema", "unknown_schema_id"]
    contract, _ = contract_of("shop.payments", PAYMENTS, {1: whole, 2: whole})
    assert [(row["refusal"], row["event"]["event_id"]) for row in rows(spark, contract, values)] == [(None, "e1")] * 2


NAMES = st.sampled_from(["shop.Payment", "Payment", "Gift", "a.b", "", "ä b", "int"])
PRIMITIVES = ["null", "boolean", "int", "long", "float", "double", "bytes", "string"]
LEAVES = st.sampled_from([*PRIMITIVES, "Gift", "shop.Payment", "", 7, None])
TIMES = ["date", "timestamp-millis", "timestamp-micros", "time-micros"]
LOGICAL = st.sampled_from(["decimal", *TIMES, "uuid", "duration", "x", 1, []])
SIZES = st.sampled_from([-1, 0, 1, 2, 8, 12, 40, 2**31, 10**12, "8", None])


def wrapped(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Types made of types, right or wrong in any part."""
    names = st.sampled_from(["a", "b", "ä", "a.b", "__1"])
    fields = st.lists(st.fixed_dictionaries({"name": names, "type": inner}), max_size=3)
    symbols = st.lists(st.sampled_from(["a", "b", "ä", ""]), max_size=3)
    return st.one_of(
        st.lists(inner, max_size=4),
        st.fixed_dictionaries({"type": st.just("array"), "items": inner}),
        st.fixed_dictionaries({"type": st.just("map"), "values": inner}),
        st.fixed_dictionaries({"type": st.sampled_from(["record", "error"]), "name": NAMES, "fields": fields}),
        st.fixed_dictionaries({"type": st.just("enum"), "name": NAMES, "symbols": symbols}),
        st.fixed_dictionaries(
            {"type": st.sampled_from(["fixed", "bytes", "int", "long", "string"]), "name": NAMES, "size": SIZES},
            optional={"logicalType": LOGICAL, "precision": SIZES, "scale": SIZES},
        ),
    )


TYPES = st.recursive(LEAVES, wrapped, max_leaves=12)
OURS = [each["name"] for each in json.loads(PAYMENTS[-1])["fields"]]
PUT_IN = st.builds(lambda place, type_: with_field(place, "extra", type_), st.sampled_from([0, 5, 99]), TYPES)
REPLACED = st.builds(lambda name, type_: retyped(**{name: type_}), st.sampled_from(OURS), TYPES)


@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(PUT_IN | REPLACED | TYPES.map(json.dumps), min_size=40, max_size=80), st.binary(max_size=60))
def test_whatever_is_registered_nothing_fails_and_ours_is_read(spark: SparkSession, registered: list[str], body: bytes) -> None:
    theirs = dict(enumerate([PAYMENTS[-1], *registered]))
    contract, refused = contract_of("shop.payments", PAYMENTS, theirs, most=1000)
    headers = [b"\x00" + schema_id.to_bytes(4, "big") for schema_id in theirs]
    ours = framed(a_payment(), PAYMENTS[-1], 0)

    found = rows(spark, contract, [ours, *(header + rest for header in headers for rest in (body, ours[5:]))])

    assert found[0]["event"]["event_id"] == "e1"
    assert {n for n in theirs if found[1 + 2 * n]["refusal"]} == refused.keys()


def test_no_depth_of_data_reaches_java_s_stack(spark: SparkSession) -> None:
    schema = with_field(99, "tree", NODE)
    contract, _ = contract_of("shop.payments", PAYMENTS, {1: schema})
    deep = framed({**a_payment(), "tree": nodes(1)}, schema, 1)[:-1] + b"\x02" * 900_000
    (row,) = rows(spark, contract, [deep])
    assert row["event"]["event_id"] == "e1"


def schemas_alive(spark: SparkSession) -> int:
    """Return how many Avro records' schemas Java holds, once it has collected what nobody holds."""
    jcmd, process = jdk17().with_name("jcmd"), spark.sparkContext._gateway.proc.pid  # type: ignore[union-attr]
    counted = subprocess.run([jcmd, str(process), "GC.class_histogram"], capture_output=True, text=True, check=True).stdout
    return sum(int(line.split()[1]) for line in counted.splitlines() if "org.apache.avro.Schema$RecordSchema" in line)


def test_a_schema_is_forgotten_with_its_batch(spark: SparkSession) -> None:
    contract, _ = contract_of("shop.payments", PAYMENTS, {1: PAYMENTS[-1]})
    records = kafka_records(spark, "shop.payments", [framed(a_payment(), PAYMENTS[-1], 1)])
    records.select(decode(F.col("value"), contract)).collect()
    before, batches = schemas_alive(spark), 50
    for _ in range(batches):
        assert records.select(decode(F.col("value"), contract)).collect()
    assert schemas_alive(spark) < before + batches
