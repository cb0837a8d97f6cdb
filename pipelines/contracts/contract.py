"""What is needed to read and to write the records of a topic."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from pipelines.base.placeholders import NO_WORDS, Placeholders
from pipelines.contracts.resolution import Resolution, Unreadable, resolution

# A record is compared with the ids of one resolution after the other.
MOST_RESOLUTIONS = 40


@dataclass(frozen=True)
class Contract:
    """A topic's schemas: the one we read with, every known one that records may be written with, by
    id, and the ids of those whose records cannot be read; and the words that stand for no id in
    its records.
    """

    topic: str
    reader: str
    writers: dict[int, str]
    unreadable: frozenset[int] = frozenset()
    no_ids: Placeholders = NO_WORDS


@dataclass(frozen=True)
class Writer:
    """A topic with the schema that its records are written with, and that schema's id."""

    topic: str
    schema: str
    schema_id: int


class LeftOut(Unreadable):
    """Why a schema that could be read takes no part: there are too many."""


def contract_of(
    topic: str,
    ours: Sequence[str],
    theirs: Mapping[int, str | Unreadable],
    by_id: Collection[int] = (),
    most: int = MOST_RESOLUTIONS,
) -> tuple[Contract, dict[int, Unreadable]]:
    """Return the contract of a topic, and why schemas of `theirs` are unreadable: each is JSON with
    all types in it, or why there is none, by id.

    Records are read with the last of `ours`. Schemas with one and the same resolution count as one;
    of more than `most` resolutions those of our own versions take part, those of the ids in
    `by_id`, and the newest.
    """
    refused = {schema_id: schema for schema_id, schema in theirs.items() if isinstance(schema, Unreadable)}
    found: dict[int, Resolution] = {}
    for schema_id, schema in theirs.items():
        if isinstance(schema, str):
            try:
                found[schema_id] = resolution(schema, ours[-1])
            except Unreadable as error:
                refused[schema_id] = error
    first = [resolution(schema, ours[-1]) for schema in ours] + [found[schema_id] for schema_id in by_id if schema_id in found]
    newest = [found[schema_id] for schema_id in sorted(found, reverse=True)]
    taking_part = {*first, *list(dict.fromkeys([*first, *newest]))[:most]}
    for schema_id in [schema_id for schema_id, resolved in found.items() if resolved not in taking_part]:
        refused[schema_id] = LeftOut(f"the topic has {most} newer schemas that are read in other ways")
    writers = {schema_id: str(theirs[schema_id]) for schema_id in found if schema_id not in refused}
    return Contract(topic, ours[-1], writers, frozenset(refused)), refused
