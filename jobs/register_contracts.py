"""Registers every Avro contract of conf/schemas and creates the Kafka topics that are missing; `--check` only compares."""

import sys

from pipelines import contracts, logs, schema_registry, topics
from pipelines.errors import TidemarkError
from pipelines.settings import settings

log = logs.get("register_contracts")


def check() -> None:
    """Compare the contracts with each other and with the registry, and change nothing."""
    schema_registry.check_contracts()
    log.info("contracts_compatible", topics=list(contracts.topics()))


def register() -> None:
    """Register the contracts, create the missing topics, and log both."""
    for topic, ids in schema_registry.register_contracts().items():
        log.info("contract_registered", topic=topic, schema_ids=ids)
    created = topics.create_missing(settings().kafka, contracts.topics())
    log.info("topics_there", created=created)


def main() -> None:
    """Run the job; errors are one sentence and exit code 1."""
    logs.configure()
    try:
        check() if "--check" in sys.argv[1:] else register()
    except TidemarkError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
