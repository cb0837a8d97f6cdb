"""Registers every Avro contract of conf/schemas and creates the Kafka topics that are missing;
`--check` only compares.
"""

from typing import Annotated

import typer

from pipelines.base import exits, logs
from pipelines.base.settings import settings
from pipelines.contracts import schemas
from pipelines.kafka import schema_registry, topics

log = logs.get("register_contracts")


def compare() -> None:
    """Compare the contracts with each other and with the registry, and change nothing."""
    schema_registry.check_contracts()
    log.info("contracts_compatible", topics=list(schemas.topics()))


def register() -> None:
    """Register the contracts, create the missing topics, log both, and look at the topics that were
    there.
    """
    for topic, ids in schema_registry.register_contracts().items():
        log.info("contract_registered", topic=topic, schema_ids=ids)
    created = topics.create_missing(settings().kafka, schemas.topics())
    log.info("topics_there", created=created)
    topics.require(settings().kafka, schemas.topics())


def main(check: Annotated[bool, typer.Option("--check", help="Compare only, change nothing.")] = False) -> None:
    """Register every Avro contract and create the Kafka topics that are missing."""
    with exits.in_words("register_contracts"):
        compare() if check else register()


if __name__ == "__main__":
    typer.run(main)
