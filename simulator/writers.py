"""Turns events into Kafka records with the schemas that are registered; a producer never registers one."""

from collections.abc import Iterable, Iterator

from pipelines import contracts, schema_registry
from simulator.encoding import Encode, framed
from simulator.event import TOPICS, Event
from simulator.producer import Record

Encoders = dict[str, Encode]


def newest(topics: Iterable[str] = TOPICS) -> Encoders:
    """Return the encoder of each topic's newest schema; raises ContractError when it is not registered."""
    return {topic: framed(contracts.reader(topic), schema_registry.newest_id(topic)) for topic in topics}


def earliest(topics: Iterable[str] = TOPICS) -> Encoders:
    """Return the encoder of each topic's first schema; raises ContractError when it is not registered."""
    return {topic: framed(contracts.versions(topic)[0], schema_registry.id_of_version(topic, 1)) for topic in topics}


def encoded(events: Iterable[Event], encoders: Encoders) -> Iterator[Record]:
    """Return the events as Kafka records."""
    return (Record(event.topic, event.key, encoders[event.topic](event.record)) for event in events)
