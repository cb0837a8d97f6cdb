"""The schema registry (Confluent API): contracts are registered here by `make contracts` and looked
up by everyone else.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.common._httpx_compat import httpx
from confluent_kafka.schema_registry.error import SchemaRegistryError

from pipelines.base.errors import ContractError, ServiceUnreachable
from pipelines.base.settings import settings
from pipelines.contracts import schemas
from pipelines.contracts.contract import Contract, Writer

COMPATIBILITY = "BACKWARD_TRANSITIVE"
NOT_FOUND, REFUSED = 404, (409, 422)


def subject(topic: str) -> str:
    """Return the subject under which the topic's value schemas are registered."""
    return f"{topic}-value"


def register_contracts(folder: Path = schemas.SCHEMAS) -> dict[str, list[int]]:
    """Register every version of every contract, oldest first, and return the schema ids by topic.

    Doing it again changes nothing. Raises ContractError, before anything is registered, when a
    contract cannot read what an older one wrote, and ServiceUnreachable when there is no registry.
    """
    check_contracts(folder)
    return {topic: _register(topic, schemas.versions(topic, folder)) for topic in schemas.topics(folder)}


def check_contracts(folder: Path = schemas.SCHEMAS) -> None:
    """Raise ContractError when a contract cannot read what is registered or what an earlier version
    wrote.
    """
    for topic in schemas.topics(folder):
        ours = schemas.versions(topic, folder)
        schemas.check(topic, ours)
        for registered in _registered(topic).values():
            schemas.check(topic, (registered, ours[-1]))


def writers(topic: str) -> dict[int, str]:
    """Return every schema that the topic's records may be written with, as JSON by schema id,
    oldest first.
    """
    found = _registered(topic)
    if not found:
        raise ContractError(f"No schema is registered for topic {topic} at {_url()}: run `make contracts`.")
    return found


def newest_id(topic: str) -> int:
    """Return the id of the topic's newest contract (of conf/schemas); producers write with it."""
    return id_of_version(topic, len(schemas.versions(topic)))


def writer(topic: str) -> Writer:
    """Return what is needed to write records of the topic: its newest contract and that one's
    id.
    """
    return Writer(topic, schemas.reader(topic), newest_id(topic))


def id_of_version(topic: str, version: int) -> int:
    """Return the schema id of the topic's contract number `version`, counted from 1 in
    conf/schemas.
    """
    schema = schemas.versions(topic)[version - 1]
    with _asking(f"look up version {version} of {topic}"):
        try:
            return _id(_client(_url()).lookup_schema(subject(topic), Schema(schema, "AVRO")).schema_id)
        except SchemaRegistryError as error:
            if error.http_status_code != NOT_FOUND:
                raise
            raise ContractError(
                f"Version {version} of the schema of {topic} is not registered at {_url()}: run `make contracts`."
            ) from error


def _register(topic: str, versions: tuple[str, ...]) -> list[int]:
    client = _client(_url())
    with _asking(f"register the schema of {topic}"):
        client.set_compatibility(subject(topic), COMPATIBILITY)
        return [_id(client.register_schema(subject(topic), Schema(schema, "AVRO"))) for schema in versions]


def _registered(topic: str) -> dict[int, str]:
    client, found = _client(_url()), {}
    with _asking(f"read the schemas of {topic}"):
        for version in _version_numbers(client, topic):
            entry = client.get_version(subject(topic), version)
            found[_id(entry.schema_id)] = str(entry.schema.schema_str)
    return found


def _version_numbers(client: SchemaRegistryClient, topic: str) -> list[int]:
    try:
        return sorted(client.get_versions(subject(topic)))
    except SchemaRegistryError as error:
        if error.http_status_code == NOT_FOUND and error.error_code != SchemaRegistryError.UNKNOWN:
            return []
        raise


def _id(found: int | None) -> int:
    if found is None:
        raise ContractError(f"The registry at {_url()} answered without a schema id: it must speak the Confluent API.")
    return found


def _url() -> str:
    return settings().schema_registry.url


@cache
def _client(url: str) -> SchemaRegistryClient:
    return SchemaRegistryClient({"url": url, "timeout": 10, "max.retries": 2, "retries.wait.ms": 200})


@contextmanager
def _asking(what: str) -> Iterator[None]:
    """Turn the client's errors into ours, in one sentence."""
    try:
        yield
    except httpx.TransportError as error:
        raise ServiceUnreachable(
            f"Could not {what}: no schema registry answers at {_url()} ({error}); run `make up`."
        ) from error
    except SchemaRegistryError as error:
        kind = ContractError if error.http_status_code in REFUSED else ServiceUnreachable
        raise kind(f"Could not {what}: the registry at {_url()} refused ({error.error_message}).") from error


@cache
def contract(topic: str) -> Contract:
    """Return what is needed to decode the topic: our reader schema and every registered writer
    schema by id.
    """
    return Contract(topic, schemas.reader(topic), writers(topic))


def forget_outdated() -> bool:
    """Return whether a topic has got a new schema since `contract` was last asked for it; the next
    call then knows it.
    """
    known = {topic: contract(topic) for topic in schemas.topics()}
    outdated = any(writers(topic).keys() != known[topic].writers.keys() for topic in known)
    if outdated:
        contract.cache_clear()
    return outdated
