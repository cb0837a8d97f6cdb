"""A schema that is registered while queries run is noticed once, with its topic, and the registry
is asked seldom.
"""

import json
import time
from uuid import uuid4

import pytest
from structlog.testing import capture_logs
from waiting import until

from pipelines.base.settings import Settings
from pipelines.contracts import schemas
from pipelines.contracts.contract import contract_of
from pipelines.kafka import schema_registry
from pipelines.streaming.schema_watch import SchemaWatch

REVIEWS = "shop.reviews"


@pytest.fixture(autouse=True)
def _asks_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema_registry, "_known", {})


@pytest.fixture
def newer(local_stack: Settings) -> str:
    """A schema of shop.reviews that nobody has registered yet: one field more than ours."""
    schema_registry.register_contracts()
    tree = json.loads(schemas.reader(REVIEWS))
    tree["fields"].append({"name": f"votes_{uuid4().hex}", "type": ["null", "int"], "default": None})
    return json.dumps(tree)


@pytest.mark.integration
def test_a_new_schema_is_noticed_once_and_its_topic_named(newer: str) -> None:
    watch = SchemaWatch(every_s=0.1, looked_at=0)
    for topic in (REVIEWS, "shop.clicks"):
        schema_registry.contract(topic)
    assert watch.changed() == frozenset()
    schema_registry._register(REVIEWS, (newer,))
    seen: list[frozenset[str]] = []
    until(lambda: bool(seen.append(watch.changed()) or seen[-1]), "the new schema is noticed", within_s=30)
    assert seen[-1] == {REVIEWS}
    assert SchemaWatch(every_s=0.1, looked_at=0).changed() == frozenset()
    assert newer_is_known(newer)


def newer_is_known(newer: str) -> bool:
    return json.loads(newer) in map(json.loads, schema_registry.contract(REVIEWS).writers.values())


@pytest.mark.usefixtures("no_registry")
def test_the_registry_is_asked_now_and_then_only(monkeypatch: pytest.MonkeyPatch) -> None:
    contract, _ = contract_of(REVIEWS, [schemas.reader(REVIEWS)], {})
    monkeypatch.setattr(schema_registry, "_known", {REVIEWS: (contract, [])})
    watch = SchemaWatch(every_s=60.0, looked_at=time.monotonic() - 61)
    with capture_logs() as logs:
        assert [watch.changed(), watch.changed()] == [frozenset()] * 2
    assert [each["event"] for each in logs] == ["registry_not_watched"]


def test_what_nobody_foresaw_in_the_registry_ends_no_query(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> frozenset[str]:
        raise RuntimeError("nobody foresaw this")

    monkeypatch.setattr(schema_registry, "forget_outdated", fail)
    with capture_logs() as logs:
        assert SchemaWatch(every_s=0.1, looked_at=0).changed() == frozenset()
    assert [each["event"] for each in logs] == ["registry_not_watched"]
