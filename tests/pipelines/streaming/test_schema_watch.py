"""A schema that is registered while queries run is noticed once, and the registry asked seldom."""

import json
import time
from collections.abc import Iterator
from uuid import uuid4

import pytest
from structlog.testing import capture_logs
from waiting import until

from pipelines.base.settings import Settings
from pipelines.contracts import schemas
from pipelines.kafka import schema_registry
from pipelines.streaming.schema_watch import SchemaWatch

REVIEWS = "shop.reviews"


@pytest.fixture(autouse=True)
def _asks_anew() -> Iterator[None]:
    schema_registry.contract.cache_clear()
    yield
    schema_registry.contract.cache_clear()


@pytest.fixture
def newer(local_stack: Settings) -> str:
    """A schema of shop.reviews that nobody has registered yet: one field more than ours."""
    schema_registry.register_contracts()
    tree = json.loads(schemas.reader(REVIEWS))
    tree["fields"].append({"name": f"votes_{uuid4().hex}", "type": ["null", "int"], "default": None})
    return json.dumps(tree)


@pytest.mark.integration
def test_a_new_schema_is_noticed_once(newer: str) -> None:
    watch = SchemaWatch(every_s=0.1, looked_at=0)
    assert not watch.changed()
    schema_registry._register(REVIEWS, (newer,))
    until(watch.changed, "the new schema is noticed", within_s=30)
    assert not SchemaWatch(every_s=0.1, looked_at=0).changed()
    assert newer_is_known(newer)


def newer_is_known(newer: str) -> bool:
    return json.loads(newer) in map(json.loads, schema_registry.contract(REVIEWS).writers.values())


@pytest.mark.usefixtures("no_registry")
def test_the_registry_is_asked_now_and_then_only() -> None:
    watch = SchemaWatch(every_s=60.0, looked_at=time.monotonic() - 61)
    with capture_logs() as logs:
        assert [watch.changed(), watch.changed()] == [False, False]
    assert [each["event"] for each in logs] == ["registry_not_watched"]
