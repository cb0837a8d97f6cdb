"""The registry holds every version of every contract, refuses what cannot read the past, and says
so when it is away.
"""

import json
import shutil
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from uuid import uuid4

import pytest
from foreign_schemas import somebody_registers, with_first
from structlog.testing import capture_logs

from pipelines.base.errors import ContractError, ServiceUnreachable
from pipelines.base.settings import Settings, settings
from pipelines.contracts import schemas
from pipelines.contracts.contract import MOST_RESOLUTIONS
from pipelines.kafka import schema_registry

ADDED = {"name": "gift_wrapped", "type": ["null", "boolean"], "default": None}
JSON_SCHEMA = "http://json-schema.org/draft-07/schema#"
ALERTS, CHARGEBACKS, INVENTORY = "tidemark.alerts", "shop.chargebacks", "shop.inventory"


@pytest.fixture
def _registered(local_stack: Settings) -> None:
    schema_registry.register_contracts()


def a_copy_with(folder: Path, field: dict[str, object], topic: str = "shop.orders") -> Path:
    """Return a copy of the contracts in which a field was added to a topic's."""
    shutil.copytree(schemas.SCHEMAS, folder)
    newest = folder / f"{topic}.avsc"
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


@pytest.fixture
def _asks_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema_registry, "_known", {})


class Answering(BaseHTTPRequestHandler):
    """Answers 200 with what is no registry's answer, as a proxy or a page of maintenance does."""

    page = b""

    def do_GET(self) -> None:
        """Answer."""
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.page)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""


@pytest.mark.usefixtures("_asks_anew")
@pytest.mark.parametrize("page", [b"<html>We are back at noon.</html>", b"[]", b"{}", b"7", b'{"schema": 3}', b"\xff"])
def test_what_answers_in_the_registrys_place_is_one_sentence(page: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    with HTTPServer(("127.0.0.1", 0), type("Page", (Answering,), {"page": page})) as answering:
        monkeypatch.setenv("TIDEMARK_SCHEMA_REGISTRY__URL", f"http://127.0.0.1:{answering.server_port}")
        settings.cache_clear()
        threading.Thread(target=answering.serve_forever, daemon=True).start()
        with pytest.raises((ServiceUnreachable, ContractError), match=r"^(Could not|No schema|The registry)"):
            schema_registry.contract("shop.reviews")
        answering.shutdown()
    settings.cache_clear()


@pytest.mark.integration
@pytest.mark.usefixtures("_registered", "_asks_anew")
def test_references_are_resolved_those_of_references_too() -> None:
    gift, wrapped = f"Gift{uuid4().hex}", f"Wrapped{uuid4().hex}"
    note = {"type": "record", "name": gift, "namespace": "shop", "fields": [{"name": "note", "type": "string"}]}
    inner = {"type": "record", "name": wrapped, "namespace": "shop", "fields": [{"name": "gift", "type": f"shop.{gift}"}]}
    to_gift = [{"name": f"shop.{gift}", "subject": f"shop.{gift}", "version": 1}]
    to_wrapped = [{"name": f"shop.{wrapped}", "subject": f"shop.{wrapped}", "version": 1}]
    somebody_registers(f"shop.{gift}", note)
    somebody_registers(f"shop.{wrapped}", inner, references=to_gift)
    theirs = somebody_registers(
        f"{CHARGEBACKS}-value", with_first(CHARGEBACKS, ["null", f"shop.{wrapped}"]), references=to_wrapped
    )

    contract = schema_registry.contract(CHARGEBACKS)

    assert '"note"' in contract.writers[theirs]
    assert theirs not in contract.unreadable


@pytest.mark.integration
@pytest.mark.usefixtures("_registered", "_asks_anew")
def test_what_cannot_be_read_is_named_once_and_hurts_nothing_else(tmp_path: Path) -> None:
    subject, topic = f"{ALERTS}-value", ALERTS
    as_json = json.dumps({"$schema": JSON_SCHEMA, "type": "object", "properties": {uuid4().hex: {"type": "string"}}})
    empty = {"type": "record", "name": f"Empty{uuid4().hex}", "fields": []}
    refusal = rf"cannot read what is written with version \d+ of {subject} .*event_id is not there"
    with capture_logs() as logs:
        refused = {somebody_registers(subject, empty, "NONE"): "event_id is not there, and ours has no default"}
        with pytest.raises(ContractError, match=refusal):
            schema_registry.check_contracts(a_copy_with(tmp_path / "schemas", ADDED, topic))
        # Last: behind a schema of another kind Apicurio takes no more of Avro's, and looks none up
        # that it does not have. That it says of this one, too, that it is Avro, is as people meet
        # it.
        refused[somebody_registers(subject, as_json, schemaType="JSON")] = "it is JSON schema, not Avro"
        contract = schema_registry.contract(topic)
        schema_registry._known.clear()
        schema_registry.contract(topic)
        schema_registry.register_contracts()
    reported = [each for each in logs if each["event"] == "schema_unreadable" and each["schema_id"] in refused]

    assert {each["schema_id"]: each["cause"] for each in reported} == refused
    assert len(reported) == len(refused)
    assert {(each["topic"], each["subject"]) for each in reported} == {(topic, subject)}
    assert refused.keys() <= contract.unreadable
    assert schema_registry.newest_id(topic) in contract.writers


@pytest.mark.integration
@pytest.mark.usefixtures("_registered", "_asks_anew")
def test_schemas_are_found_under_other_subjects_too_and_any_by_its_id() -> None:
    of_topic_and_record = somebody_registers(f"{INVENTORY}-shop.StockMovement", with_first(INVENTORY, ["null", "string"]))
    of_record = somebody_registers("shop.StockMovement", with_first(INVENTORY, ["null", "string"]))
    elsewhere = somebody_registers(f"elsewhere.{uuid4().hex}", with_first(INVENTORY, ["null", "string"]))
    of_another_topic = somebody_registers(f"{INVENTORY}-archive-value", with_first(INVENTORY, ["null", "string"]))

    assert schemas.record_name(INVENTORY) == "shop.StockMovement"
    assert {of_topic_and_record, of_record} <= schema_registry.contract(INVENTORY).writers.keys()
    assert {elsewhere, of_another_topic}.isdisjoint(schema_registry.contract(INVENTORY).writers)
    found = schema_registry.contract_with(INVENTORY, [elsewhere, 2_000_000_000])
    assert elsewhere in found.writers
    assert 2_000_000_000 not in {*found.writers, *found.unreadable}


@pytest.mark.integration
@pytest.mark.usefixtures("_registered", "_asks_anew")
def test_only_the_topic_that_has_got_a_new_schema_is_outdated() -> None:
    for topic in (INVENTORY, CHARGEBACKS):
        schema_registry.contract(topic)
    assert schema_registry.forget_outdated() == frozenset()
    new = somebody_registers(f"{INVENTORY}-shop.StockMovement", with_first(INVENTORY, ["null", "string"]))
    assert schema_registry.forget_outdated() == {INVENTORY}
    assert new in schema_registry.contract(INVENTORY).writers


def test_more_schemas_than_can_take_part_are_one_warning() -> None:
    def read_in_its_own_way(number: int) -> schema_registry.Registered:
        tree = json.loads(schemas.reader(CHARGEBACKS))
        tree["fields"].insert(0, {"name": "extra", "type": {"type": "fixed", "name": "F", "size": number}})
        return schema_registry.Registered((f"{CHARGEBACKS}-value", number), json.dumps(tree))

    with capture_logs() as logs:
        contract = schema_registry._understood(CHARGEBACKS, {number: read_in_its_own_way(number) for number in range(1, 100)})

    assert len(contract.writers) == MOST_RESOLUTIONS - len(schemas.versions(CHARGEBACKS))
    assert max(contract.writers) == 99
    assert [(each["event"], each["topic"], each["newest_id"]) for each in logs] == [
        ("schemas_left_out", CHARGEBACKS, min(contract.writers) - 1)
    ]
