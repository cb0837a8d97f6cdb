"""Registers schemas as any client may, beside ours."""

import json
from typing import Any
from uuid import uuid4

import httpx

from pipelines.base.settings import settings
from pipelines.contracts import schemas


def somebody_registers(subject: str, schema: Any, compatibility: str | None = None, **more: Any) -> int:
    """Register a schema under any subject and return its id."""
    url = settings().schema_registry.url
    if compatibility:
        httpx.put(f"{url}/config/{subject}", json={"compatibility": compatibility}).raise_for_status()
    body = {"schema": schema if isinstance(schema, str) else json.dumps(schema), **more}
    answer = httpx.post(f"{url}/subjects/{subject}/versions", json=body)
    assert answer.is_success, answer.text
    return int(answer.json()["id"])


def with_first(topic: str, type_: Any) -> Any:
    """The topic's contract with one more field, the first, of a name that nobody else has given."""
    tree = json.loads(schemas.reader(topic))
    tree["fields"].insert(0, {"name": f"extra_{uuid4().hex}", "type": type_, "default": None})
    return tree
