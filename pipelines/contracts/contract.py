"""What is needed to read and to write the records of a topic."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Contract:
    """A topic's schemas: the one we read with, and every known one that records may be written
    with, by id.
    """

    topic: str
    reader: str
    writers: dict[int, str]


@dataclass(frozen=True)
class Writer:
    """A topic with the schema that its records are written with, and that schema's id."""

    topic: str
    schema: str
    schema_id: int
