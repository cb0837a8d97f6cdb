"""The encoders of every topic, for schemas that are registered already: a producer never registers
one.
"""

from collections.abc import Iterable

from pipelines.contracts import schemas
from pipelines.kafka import schema_registry
from simulator.encoding import Encode, framed
from simulator.event import TOPICS

Encoders = dict[str, Encode]


def newest(topics: Iterable[str] = TOPICS) -> Encoders:
    """Return the encoder of each topic's newest schema; raises ContractError when it is not
    registered.
    """
    return {topic: framed(schemas.reader(topic), schema_registry.newest_id(topic)) for topic in topics}


def earliest(topics: Iterable[str] = TOPICS) -> Encoders:
    """Return the encoder of each topic's first schema; raises ContractError when it is not
    registered.
    """
    return {topic: framed(schemas.versions(topic)[0], schema_registry.id_of_version(topic, 1)) for topic in topics}
