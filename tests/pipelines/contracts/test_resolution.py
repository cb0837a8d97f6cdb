"""What others register is read by what its values mean, or refused with its cause; words and names
are no matter.
"""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from builders import schemas

from pipelines.contracts.resolution import NotAvro, Unreadable, inlined, resolution

Tree = Any
Change = Callable[[Tree], object]
OURS = schemas("shop.payments")[-1]
GIFT = {"type": "record", "name": "Gift", "namespace": "shop", "fields": [{"name": "note", "type": "string"}]}


def changed(change: Change, schema: str = OURS) -> str:
    tree = json.loads(schema)
    change(tree)
    return json.dumps(tree)


def retyped(name: str, type_: Tree) -> str:
    """Our payment with another type of one field."""
    return changed(lambda tree: next(field for field in tree["fields"] if field["name"] == name).update(type=type_))


def append_500(tree: Tree) -> None:
    tree["fields"] += [{"name": f"more_{n}", "type": "shop.Gift" if n else GIFT} for n in range(500)]


def first(type_: Tree) -> str:
    """Our payment with one more field, which is the first."""
    return changed(lambda tree: tree["fields"].insert(0, {"name": "extra", "type": type_}))


def last(type_: Tree) -> str:
    """Our payment with one more field, which is the last."""
    return changed(lambda tree: tree["fields"].append({"name": "extra", "type": type_}))


TREE = {"type": "record", "name": "Node", "fields": [{"name": "next", "type": ["null", "Node"]}]}
DECIMAL = {"type": "bytes", "logicalType": "decimal"}


@pytest.mark.parametrize(
    "same",
    [
        changed(lambda tree: tree.update(name="Zahlung", namespace="com.acme", doc="Eine Zahlung.", aliases=["shop.Payment"])),
        changed(lambda tree: [field.pop("default", None) for field in tree["fields"]]),
        changed(lambda tree: [field.pop("doc") for field in tree["fields"]]),
        retyped("method", {"type": "string", "avro.java.string": "String"}),
        retyped("amount", {**DECIMAL, "precision": 9, "scale": 2}),
        last(["null", "string"]),
        last(TREE),
        last({"type": "array", "items": "null"}),
        changed(append_500),
    ],
    ids=["names", "no defaults", "no words", "java string", "fewer digits", "a field more", "a tree more", "nulls more", "500"],
)
def test_what_makes_no_difference_to_what_is_read_has_the_same_resolution(same: str) -> None:
    assert resolution(same, OURS) == resolution(OURS, OURS)


def test_the_ways_in_which_a_schema_is_read_do_not_grow_with_its_versions() -> None:
    versions = [changed(lambda tree, n=n: tree["fields"].append({"name": f"v{n}", "type": ["null", "int"]})) for n in range(40)]
    assert {resolution(version, OURS) for version in versions} == {resolution(OURS, OURS)}


@pytest.mark.parametrize(
    ("theirs", "cause"),
    [
        (retyped("amount", "double"), "amount is double, ours is decimal"),
        (retyped("amount", "bytes"), "amount is bytes, ours is decimal"),
        (retyped("amount", {**DECIMAL, "precision": 2, "scale": 4}), "scale"),
        (retyped("amount", {**DECIMAL, "precision": 60, "scale": 50}), "amount has 50 digits behind the point"),
        (retyped("event_at", "long"), "event_at is long, ours is timestamp-micros"),
        (retyped("event_at", {"type": "int", "logicalType": "date"}), "event_at is date, ours is timestamp-micros"),
        (
            retyped("event_at", {"type": "long", "logicalType": "local-timestamp-micros"}),
            "event_at is local-timestamp-micros, ours is timestamp-micros",
        ),
        (retyped("event_at", {"type": "long", "logicalType": "timestamp-nanos"}), "event_at is timestamp-nanos"),
        (retyped("installments", {"type": "int", "logicalType": "time-millis"}), "installments is time-millis, ours is int"),
        (retyped("installments", "long"), "installments is long, ours is int"),
        (retyped("installments", ["null", "string"]), "installments is string, ours is int"),
        (retyped("installments", ["null"]), "installments is always null"),
        (retyped("installments", []), "installments is a"),
        (retyped("method", ["string", ["null", "string"]]), "method is a union within a union"),
        (retyped("method", ["string", "string"]), "method is a union that has a type twice"),
        (retyped("method", {"type": "enum", "name": "M", "symbols": ["ä"]}), "symbol"),
        (changed(lambda tree: tree["fields"].pop(0)), "event_id is not there, and ours has no default"),
        (changed(lambda tree: tree.update(fields=[])), "event_id is not there, and ours has no default"),
        (first(TREE), r"extra\.next has a type that contains itself"),
        (
            first({"type": "array", "items": {"type": "fixed", "name": "F", "size": 0}}),
            "extra is an array of what takes no bytes",
        ),
        (first({"type": "record", "name": "int", "namespace": "", "fields": []}), "a type of its own called int"),
        (first(["int", "int"]), "extra is a union that has a type twice"),
        (schemas("shop.orders")[-1], "payment_id is not there"),
        ('"string"', "the record is string, ours is record"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_cause(theirs: str, cause: str) -> None:
    with pytest.raises(Unreadable, match=cause):
        resolution(theirs, OURS)


@pytest.mark.parametrize(
    "text",
    [
        'syntax = "proto3"; message Payment { string event_id = 1; }',
        '{"type": "object", "properties": {"event_id": {"type": "string"}}}',
        '{"$schema": "http://json-schema.org/draft-07/schema#", "type": "object"}',
        '{"type": "record"}',
        "{}",
        "[]",
        "7",
        last("shop.Gift"),
        last({"type": "fixed", "name": "F"}),
        changed(lambda tree: tree["fields"][0].update(name=["event_id"])),
        "[" * 100_000,
    ],
)
def test_what_is_no_avro_is_refused_with_its_cause(text: str) -> None:
    with pytest.raises(Unreadable, match=r"no Avro schema|not Avro|always null|the record is"):
        resolution(text, OURS)


def test_types_that_are_only_named_are_put_in_where_they_are_first_named() -> None:
    wrapped = {"type": "record", "name": "Wrapped", "namespace": "shop", "fields": [{"name": "gift", "type": "Gift"}]}
    order = changed(
        lambda tree: tree["fields"].extend(
            [{"name": "gift", "type": ["null", "shop.Wrapped"]}, {"name": "second", "type": ["null", "shop.Gift"]}]
        )
    )
    found = json.loads(inlined(order, [json.dumps(GIFT), json.dumps(wrapped)]))
    assert found["fields"][-2]["type"][1]["fields"][0]["type"]["fields"] == GIFT["fields"]
    assert found["fields"][-1]["type"] == ["null", "shop.Gift"]
    assert resolution(json.dumps(found), OURS) == resolution(OURS, OURS)


def test_a_type_that_is_nowhere_defined_is_named() -> None:
    with pytest.raises(NotAvro, match=re.escape("shop.Gift")):
        inlined(last("shop.Gift"), [json.dumps({**GIFT, "name": "Present"})])


def test_a_decimal_of_another_scale_is_decoded_as_it_was_written() -> None:
    resolved = resolution(retyped("amount", {**DECIMAL, "precision": 14, "scale": 4}), OURS)
    (amount,) = [field for field in json.loads(resolved.reader)["fields"] if field["name"] == "amount"]
    assert (amount["type"]["precision"], amount["type"]["scale"]) == (38, 4)
    assert resolved.wide_and_ours
    assert ["decimal(38,4)" in each for each in resolved.wide_and_ours] == [True, False]
