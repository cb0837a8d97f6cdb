"""The schema registry (Confluent API): contracts are registered here by `make contracts` and looked
up by everyone else, beside whatever others have registered for the same topics.
"""

import re
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.common._httpx_compat import httpx
from confluent_kafka.schema_registry.error import SchemaRegistryError

from pipelines.base import logs
from pipelines.base.errors import ContractError, ServiceUnreachable
from pipelines.base.settings import settings
from pipelines.contracts import schemas
from pipelines.contracts.contract import Contract, LeftOut, Writer, contract_of
from pipelines.contracts.resolution import NotAvro, Unreadable, inlined

log = logs.get(__name__)

COMPATIBILITY = "BACKWARD_TRANSITIVE"
AVRO = "AVRO"
NOT_FOUND, REFUSED = 404, (409, 422)
MOST_VERSIONS = 400  # of a subject that are looked at, the newest
MOST_REFERENCES = 100
# What the client raises over an answer that is not JSON, or not of the form it should have: a proxy
# or a page of maintenance in the registry's place.
NOT_ITS_ANSWERS = (ValueError, TypeError, KeyError, AttributeError)

Place = tuple[str, int]  # a subject, and the number of a version in it


@dataclass(frozen=True)
class Registered:
    """A schema as the registry has it: where, and its text with all types in it, or why there is
    none.
    """

    place: Place
    text: str | NotAvro


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
    """Raise ContractError when a contract cannot read what an earlier version of it wrote, or when
    one that is not registered yet cannot read what is.

    What others have registered and no contract of ours can read is logged, and stops nobody.
    """
    for topic in schemas.topics(folder):
        ours = schemas.versions(topic, folder)
        schemas.check(topic, ours)
        found = registered(topic)
        _, refused = contract_of(topic, ours, _texts(found))
        is_new = _id_of(topic, ours[-1]) is None
        for schema_id, why in refused.items():
            if isinstance(why, LeftOut):
                continue
            place = found[schema_id].place
            _report(topic, place, schema_id, why)
            if is_new and not isinstance(why, NotAvro):
                raise ContractError(
                    f"The contract of {topic} cannot read what is written with version {place[1]} of {place[0]} (schema id "
                    f"{schema_id}) at {_url()}: {why}. Change no types and give new fields a default in conf/schemas, or "
                    "delete that version from the registry."
                )


def writers(topic: str) -> dict[int, str]:
    """Return every Avro schema that the topic's records may be written with, as JSON by schema id,
    oldest first.
    """
    texts = {schema_id: text for schema_id, text in _texts(registered(topic)).items() if isinstance(text, str)}
    if not texts:
        raise ContractError(f"No schema is registered for topic {topic} at {_url()}: run `make contracts`.")
    return texts


def _texts(found: Mapping[int, Registered]) -> dict[int, str | NotAvro]:
    return {schema_id: each.text for schema_id, each in found.items()}


def registered(topic: str) -> dict[int, Registered]:
    """Return what the registry holds for a topic's values, under whichever subject, by schema id,
    oldest first.
    """
    return _registered(topic, _places(topic, _subjects()))


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
    found = _id_of(topic, schemas.versions(topic)[version - 1])
    if found is None:
        raise ContractError(f"Version {version} of the schema of {topic} is not registered at {_url()}: run `make contracts`.")
    return found


def _id_of(topic: str, schema: str) -> int | None:
    """Return the id of a schema of the topic, None where it is not registered."""
    with _asking(f"look up a schema of {topic}"), _absent_is_none():
        return _id(_client(_url()).lookup_schema(subject(topic), Schema(schema, AVRO)).schema_id)
    return None


def _register(topic: str, versions: tuple[str, ...]) -> list[int]:
    client = _client(_url())
    with _asking(f"register the schema of {topic}"):
        client.set_compatibility(subject(topic), COMPATIBILITY)
        # What is there is not sent again: what others have registered since could have it refused.
        return [
            _id_of(topic, schema) or _id(client.register_schema(subject(topic), Schema(schema, AVRO))) for schema in versions
        ]


def _subjects() -> list[str]:
    with _asking("list what is registered"):
        return sorted(_client(_url()).get_subjects())


def _places(topic: str, subjects: Iterable[str]) -> list[Place]:
    """Return where the registry has schemas for the values of a topic.

    Producers may register a schema by the topic (`<topic>-value`), by topic and record
    (`<topic>-<record>`), or by the record alone: Confluent's TopicNameStrategy,
    TopicRecordNameStrategy and RecordNameStrategy.
    """
    by_record = re.compile(rf"{re.escape(topic)}-(?!(?:key|value)$)[^-]+|{re.escape(_record_name(topic))}")
    # Ours is looked at in any case: a registry may list no more than so many.
    wanted = [subject(topic), *(name for name in subjects if by_record.fullmatch(name))]
    with _asking(f"list the schemas of {topic}"):
        return [(name, number) for name in wanted for number in _version_numbers(name)]


def _record_name(topic: str) -> str:
    """Return the full name of the topic's record in our contract; nothing where there is none."""
    return schemas.record_name(topic) if topic in schemas.topics() else ""


def _version_numbers(name: str) -> list[int]:
    with _absent_is_none():
        return sorted(_client(_url()).get_versions(name))[-MOST_VERSIONS:]
    return []


def _registered(topic: str, places: Sequence[Place]) -> dict[int, Registered]:
    client, found = _client(_url()), {}
    for name, number in places:
        with _asking(f"read version {number} of {name}"), _absent_is_none():
            entry = client.get_version(name, number)
            found[_id(entry.schema_id)] = Registered((name, number), _text(entry.schema))
    if len(places) >= MOST_VERSIONS:
        # Ours may be among those that are too old to be looked at.
        found = {**_ours(topic), **found}
        _report_once("versions_left_out", topic=topic, newest_of_each_subject=MOST_VERSIONS)
    return dict(sorted(found.items()))


def _text(schema: Schema) -> str | NotAvro:
    """Return a schema with the types in it that it refers to, or why that cannot be done."""
    if (schema.schema_type or AVRO) != AVRO:
        return NotAvro(f"it is {schema.schema_type} schema, not Avro")
    try:
        return inlined(str(schema.schema_str), _referenced(schema, set()))
    except NotAvro as error:
        return error


def _referenced(schema: Schema, seen: set[Place]) -> list[str]:
    """Return the schemas that one refers to, each behind those that it refers to itself."""
    found: list[str] = []
    for reference in schema.references or []:
        place = (str(reference.subject), int(reference.version or 0))
        if place in seen:
            continue
        seen.add(place)
        if len(seen) > MOST_REFERENCES:
            raise NotAvro(f"it refers to more than {MOST_REFERENCES} others")
        inner = _version(place)
        if inner is None:
            raise NotAvro(f"it refers to version {place[1]} of {place[0]}, which is not registered")
        found += [*_referenced(inner, seen), str(inner.schema_str)]
    return found


def _version(place: Place) -> Schema | None:
    with _asking(f"read version {place[1]} of {place[0]}"), _absent_is_none():
        return _client(_url()).get_version(*place).schema
    return None


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
    except NOT_ITS_ANSWERS as error:
        raise ServiceUnreachable(
            f"Could not {what}: what answers at {_url()} does not answer as a schema registry does ({error!r}); look at what "
            "runs there, and at [schema_registry] url in conf/."
        ) from error


@contextmanager
def _absent_is_none() -> Iterator[None]:
    """Go on behind the block where the registry does not have what is looked up in it."""
    try:
        yield
    except SchemaRegistryError as error:
        if error.http_status_code != NOT_FOUND or error.error_code == SchemaRegistryError.UNKNOWN:
            raise


# By topic: the contract, and where the registry had schemas when it was looked up.
_known: dict[str, tuple[Contract, list[Place]]] = {}
_reported: set[tuple[str, frozenset[tuple[str, str | int]]]] = set()
_reporting = threading.Lock()


def contract(topic: str) -> Contract:
    """Return what is needed to decode the topic: our reader schema and every registered writer
    schema by id. What is registered and unreadable is logged once.
    """
    found = _known.get(topic) or _known.setdefault(topic, _looked_up(topic))
    return found[0]


def contract_with(topic: str, schema_ids: Iterable[int]) -> Contract:
    """Return the topic's contract as the registry has it now, and in it the schemas of these ids,
    wherever they are registered.
    """
    by_id = _by_id(schema_ids)
    return _understood(topic, {**by_id, **registered(topic)}, by_id)


def forget_outdated() -> frozenset[str]:
    """Return the topics that have got a new schema since `contract` was asked for them; the next
    call then knows it.
    """
    known = {topic: places for topic, (_, places) in _known.items()}
    subjects = _subjects() if known else []
    outdated = frozenset(topic for topic, places in known.items() if _places(topic, subjects) != places)
    for topic in outdated:
        _known.pop(topic, None)
    return outdated


def _looked_up(topic: str) -> tuple[Contract, list[Place]]:
    places = _places(topic, _subjects())
    found = _registered(topic, places)
    if not found:
        raise ContractError(f"No schema is registered for topic {topic} at {_url()}: run `make contracts`.")
    return _understood(topic, found), places


def _ours(topic: str) -> dict[int, Registered]:
    """Return those of our versions of a topic's contract that are registered."""
    found = {_id_of(topic, schema): schema for schema in schemas.versions(topic)}
    return {schema_id: Registered((subject(topic), 0), text) for schema_id, text in found.items() if schema_id is not None}


def _understood(topic: str, found: Mapping[int, Registered], by_id: Collection[int] = ()) -> Contract:
    """Return the contract that follows from what is registered, and log once what is unreadable."""
    known, refused = contract_of(topic, schemas.versions(topic), _texts(found), by_id)
    for schema_id, why in refused.items():
        if not isinstance(why, LeftOut):
            _report(topic, found[schema_id].place, schema_id, why)
    if left_out := [schema_id for schema_id, why in refused.items() if isinstance(why, LeftOut)]:
        _report_once("schemas_left_out", topic=topic, newest_id=max(left_out), cause=str(refused[left_out[0]]))
    return replace(known, no_ids=settings().ids.words)


def _report(topic: str, place: Place, schema_id: int, why: Unreadable) -> None:
    _report_once("schema_unreadable", topic=topic, subject=place[0], version=place[1], schema_id=schema_id, cause=str(why))


def _report_once(event: str, **what: str | int) -> None:
    """Log what keeps records out of silver, once in this process."""
    with _reporting:
        line = event, frozenset(what.items())
        if line not in _reported:
            _reported.add(line)
            log.warning(event, action="their records go to quarantine", **what)


def _by_id(schema_ids: Iterable[int]) -> dict[int, Registered]:
    """Return the schemas of those ids that the registry knows; the places are the ids only."""
    client, found = _client(_url()), {}
    for schema_id in schema_ids:
        with _asking(f"look up the schema of id {schema_id}"), _absent_is_none():
            found[schema_id] = Registered(("schema id", schema_id), _text(client.get_schema(schema_id)))
    return found
