"""A contract takes up what can be read, however much is registered, and knows what cannot."""

import json
from typing import Any

from builders import schemas

from pipelines.contracts.contract import LeftOut, contract_of
from pipelines.contracts.resolution import NotAvro

OURS = schemas("shop.reviews")


def with_first(name: str, type_: Any = "string") -> str:
    """Our review with one more field, which is the first, so that it is read in another way."""
    tree = json.loads(OURS[-1])
    tree["fields"].insert(0, {"name": name, "type": type_})
    return json.dumps(tree)


def test_what_cannot_be_read_takes_no_part_and_all_others_do() -> None:
    theirs = {1: OURS[-1], 2: "no Avro", 3: NotAvro("it is JSON, not Avro"), 4: with_first("extra")}
    contract, refused = contract_of("shop.reviews", OURS, theirs)
    assert contract.writers == {1: OURS[-1], 4: with_first("extra")}
    assert contract.unreadable == {2, 3} == refused.keys()
    assert str(refused[3]) == "it is JSON, not Avro"


def test_of_too_many_ours_take_part_and_those_that_were_asked_for_and_the_newest() -> None:
    others = {n: with_first(f"extra_{n}", {"type": "fixed", "name": "F", "size": n}) for n in range(2, 10)}
    contract, refused = contract_of("shop.reviews", OURS, {1: OURS[-1], **others}, by_id=[2], most=4)
    assert contract.writers.keys() == {1, 2, 8, 9}
    assert contract.unreadable == {3, 4, 5, 6, 7} == refused.keys()
    assert all(isinstance(why, LeftOut) for why in refused.values())


def test_schemas_that_are_read_alike_count_as_one() -> None:
    alike = {n: json.dumps({**json.loads(OURS[-1]), "doc": f"Version {n}."}) for n in range(1, 100)}
    contract, refused = contract_of("shop.reviews", OURS, alike, most=1)
    assert contract.writers.keys() == alike.keys()
    assert not refused
