"""What was refused because its schema was not known is read again once the registry knows it."""

import json
from uuid import uuid4

import pytest
from builders import a_movement, kafka_records, written
from foreign_schemas import somebody_registers, with_first
from pyspark.sql import SparkSession

from pipelines.base.settings import Settings
from pipelines.kafka import schema_registry
from pipelines.operations.archived_schemas import contract_for
from pipelines.silver import inventory
from pipelines.silver.refining import refine

TOPIC = "shop.inventory"


@pytest.mark.integration
def test_a_schema_that_only_its_id_names_is_found_in_the_archive(
    spark: SparkSession, local_stack: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema_registry, "_known", {})
    schema_registry.register_contracts()
    schema = with_first(TOPIC, ["null", "string"])
    elsewhere = somebody_registers(f"elsewhere.{uuid4().hex}", schema)
    values = [b"\x00\xff\xff\xff\xff" + b"corrupt", written(a_movement(), json.dumps(schema), elsewhere)]
    archived = kafka_records(spark, TOPIC, [*values])

    assert refine(archived, schema_registry.contract(TOPIC), inventory).count() == 0
    found = contract_for(archived, TOPIC)
    assert elsewhere in found.writers
    assert [row["kafka_offset"] for row in refine(archived, found, inventory).collect()] == [1]
