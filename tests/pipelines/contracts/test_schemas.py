"""Contracts read what their earlier versions wrote, and a change that breaks this is refused with
its reasons.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipelines.base.errors import ContractError
from pipelines.contracts import schemas

Change = Callable[[list[dict[str, Any]]], object]


def changed(schema: str, change: Change) -> str:
    tree = json.loads(schema)
    change(tree["fields"])
    return json.dumps(tree)


def test_every_contract_reads_all_its_earlier_versions() -> None:
    for topic in schemas.topics():
        schemas.check(topic, schemas.versions(topic))


def test_earlier_versions_come_first_in_order_of_their_number(tmp_path: Path) -> None:
    (tmp_path / "earlier").mkdir()
    for number in (10, 2, 1):
        (tmp_path / "earlier" / f"shop.orders.{number}.avsc").write_text(str(number))
    (tmp_path / "shop.orders.avsc").write_text("newest")
    assert schemas.topics(tmp_path) == ("shop.orders",)
    assert schemas.versions("shop.orders", tmp_path) == ("1", "2", "10", "newest")


def test_records_are_read_with_the_newest_version() -> None:
    assert "promotion_code" in schemas.reader("shop.orders")
    assert "promotion_code" not in schemas.versions("shop.orders")[0]


def test_a_topic_without_contract_is_named() -> None:
    with pytest.raises(ContractError, match=r"no contract for topic shop\.nothing"):
        schemas.versions("shop.nothing")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda fields: fields.append({"name": "extra", "type": "int"}), "field extra is new and has no default"),
        (lambda fields: fields[3].update(type="string"), "field version: reader type: string not compatible"),
        (lambda fields: fields[12]["type"]["items"]["fields"][4].update(type="string"), "field items: reader type: string"),
    ],
    ids=["no default", "type changed", "nested type changed"],
)
def test_a_change_that_cannot_read_the_past_is_refused_with_its_reason(change: Change, reason: str) -> None:
    older = schemas.reader("shop.orders")
    with pytest.raises(ContractError, match=r"schema of shop\.orders cannot read") as refused:
        schemas.check("shop.orders", (older, changed(older, change)))
    assert reason in str(refused.value)


def test_a_version_must_read_not_only_the_one_before_it() -> None:
    first = schemas.reader("shop.orders")
    second = changed(first, lambda fields: fields.pop())
    third = changed(second, lambda fields: fields.append({"name": "promotion_code", "type": "int", "default": 0}))
    schemas.check("shop.orders", (second, third))
    with pytest.raises(ContractError, match="promotion_code"):
        schemas.check("shop.orders", (first, second, third))


def test_another_records_name_is_refused() -> None:
    with pytest.raises(ContractError, match="cannot read"):
        schemas.check("shop.orders", (schemas.reader("shop.payments"), schemas.reader("shop.orders")))


def test_a_schema_that_is_no_avro_is_refused() -> None:
    with pytest.raises(ContractError, match="not valid Avro"):
        schemas.differences('{"type": "nonsense"}', schemas.reader("shop.orders"))
