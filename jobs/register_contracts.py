"""Registers every Avro contract of conf/schemas and creates the Kafka topics that are missing; `--check` only compares."""

from typing import Annotated

import typer

from pipelines import contracts, logs, schema_registry, topics
from pipelines.errors import TidemarkError
from pipelines.settings import settings

log = logs.get("register_contracts")
FAILED = 2  # the exit code, as every job's; pipelines.job has it too, and imports Spark


def compare() -> None:
    """Compare the contracts with each other and with the registry, and change nothing."""
    schema_registry.check_contracts()
    log.info("contracts_compatible", topics=list(contracts.topics()))


def register() -> None:
    """Register the contracts, create the missing topics, and log both."""
    for topic, ids in schema_registry.register_contracts().items():
        log.info("contract_registered", topic=topic, schema_ids=ids)
    created = topics.create_missing(settings().kafka, contracts.topics())
    log.info("topics_there", created=created)


def main(check: Annotated[bool, typer.Option("--check", help="Compare only, change nothing.")] = False) -> None:
    """Register every Avro contract and create the Kafka topics that are missing."""
    logs.configure()
    try:
        compare() if check else register()
    except TidemarkError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(FAILED) from error


if __name__ == "__main__":
    typer.run(main)
