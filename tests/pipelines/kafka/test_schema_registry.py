"""The registry holds every version of every contract, refuses what cannot read the past, and says
so when it is away.
"""

import json
import shutil
from pathlib import Path

import pytest

from pipelines.base.errors import ContractError, ServiceUnreachable
from pipelines.base.settings import Settings
from pipelines.contracts import schemas
from pipelines.kafka import schema_registry

ADDED = {"name": "gift_wrapped", "type": ["null", "boolean"], "default": None}


@pytest.fixture
def _registered(local_stack: Settings) -> None:
    schema_registry.register_contracts()


def a_copy_with(folder: Path, field: dict[str, object]) -> Path:
    """Return a copy of the contracts in which a field was added to shop.orders."""
    shutil.copytree(schemas.SCHEMAS, folder)
    newest = folder / "shop.orders.avsc"
    tree = json.loads(newest.read_text())
    tree["fields"].append(field)
    newest.write_text(json.dumps(tree))
    return folder


@pytest.mark.integration
def test_registering_twice_gives_the_same_ids(local_stack: Settings) -> None:
    first = schema_registry.register_contracts()
    assert schema_registry.register_contracts() == first
    assert {topic: len(ids) for topic, ids in first.items()} == {t: len(schemas.versions(t)) for t in schemas.topics()}


@pytest.mark.integration
@pytest.mark.usefixtures("_registered")
def test_every_writer_schema_is_found_by_its_id() -> None:
    writers = schema_registry.writers("shop.orders")
    ids = [schema_registry.id_of_version("shop.orders", 1), schema_registry.newest_id("shop.orders")]
    assert list(writers)[:2] == ids
    assert "promotion_code" not in writers[ids[0]]
    assert json.loads(writers[ids[1]]) == json.loads(schemas.reader("shop.orders"))


@pytest.mark.integration
@pytest.mark.usefixtures("_registered")
def test_an_incompatible_change_is_refused_and_nothing_is_registered(tmp_path: Path) -> None:
    before = schema_registry.writers("shop.orders")
    with pytest.raises(ContractError, match="field gift_wrapped is new and has no default"):
        schema_registry.register_contracts(a_copy_with(tmp_path / "schemas", {"name": "gift_wrapped", "type": "boolean"}))
    assert schema_registry.writers("shop.orders") == before


@pytest.mark.integration
def test_a_compatible_change_gets_a_new_id_beside_the_old_ones(local_stack: Settings, tmp_path: Path) -> None:
    folder = a_copy_with(tmp_path / "schemas", ADDED)
    (folder / "shop.orders.avsc").rename(folder / "test.gifts.avsc")
    shutil.copy(schemas.SCHEMAS / "shop.orders.avsc", folder / "earlier" / "test.gifts.1.avsc")
    assert len(set(schema_registry.register_contracts(folder)["test.gifts"])) == 2
    assert [("gift_wrapped" in schema) for schema in schema_registry.writers("test.gifts").values()] == [False, True]


@pytest.mark.integration
def test_the_registry_itself_also_refuses_what_slips_past_us(local_stack: Settings) -> None:
    schema_registry.register_contracts()
    broken = schemas.reader("shop.orders").replace('"int"', '"string"')
    with pytest.raises(ContractError, match="refused"):
        schema_registry._register("shop.orders", (broken,))


@pytest.mark.integration
def test_an_unknown_topic_has_no_writers(local_stack: Settings) -> None:
    with pytest.raises(ContractError, match="run `make contracts`"):
        schema_registry.writers("shop.nothing")


@pytest.mark.usefixtures("no_registry")
def test_a_registry_that_is_away_is_one_sentence_with_what_to_do() -> None:
    for ask in (schema_registry.check_contracts, lambda: schema_registry.newest_id("shop.orders")):
        with pytest.raises(ServiceUnreachable, match=r"no schema registry answers at http://127\.0\.0\.1:1.*run `make up`"):
            ask()
