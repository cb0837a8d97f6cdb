"""Which incarnations of its topics a query has read: in a topic that is made anew, or that has lost
its tail, offsets are given a second time, and only the time of arrival tells the records apart.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

from pyspark.sql import SparkSession

from pipelines.base.errors import CheckpointError
from pipelines.lake import catalog
from pipelines.streaming.checkpoints import Checkpoint
from pipelines.streaming.damage import TOPICS
from pipelines.table import Table

INCARNATIONS = "tidemark.incarnations"  # the property of a table that read topics


@dataclass(frozen=True)
class Incarnation:
    """A topic by the id that Kafka gave it, and the time (microseconds since 1970) before which all
    records of the incarnations before it arrived, and none of its own.
    """

    topic_id: str
    since_us: int


# By topic, the oldest first.
History = Mapping[str, Sequence[Incarnation]]


def parsed(text: str | None) -> History:
    """Return what a table remembers, as its property has it; nothing of a table that has none."""
    found = json.loads(text) if text else {}
    return {topic: [Incarnation(**each) for each in incarnations] for topic, incarnations in found.items()}


def merged(histories: Iterable[Sequence[Incarnation]]) -> list[Incarnation]:
    """Return the incarnations of a topic as several tables have seen them: a boundary lies behind
    the last record that any of them held.
    """
    longest: list[Incarnation] = []
    for history in histories:
        older, newer = sorted((longest, list(history)), key=len)
        both = [Incarnation(own.topic_id, max(own.since_us, other.since_us)) for own, other in zip(newer, older, strict=False)]
        longest = [*both, *newer[len(older) :]]
    return longest


def remembered(spark: SparkSession, table: Table) -> History:
    """Return the incarnations of its topics that a table holds records of."""
    return parsed(catalog.property_of(spark, table, INCARNATIONS))


def remember(spark: SparkSession, table: Table, history: History) -> None:
    """Have the table remember them."""
    text = json.dumps({topic: [asdict(each) for each in incarnations] for topic, incarnations in history.items()})
    catalog.set_property(spark, table, INCARNATIONS, text)


def made_anew(history: History, ids: Mapping[str, str]) -> list[str]:
    """Return the topics that have another id now (topic → id) than the last one known."""
    return [topic for topic, now in ids.items() if history.get(topic) and history[topic][-1].topic_id != now]


def require_same(query: str, history: History, ids: Mapping[str, str]) -> None:
    """Raise CheckpointError where a topic was made anew: a checkpoint counts in the offsets of the
    one before.
    """
    if anew := made_anew(history, ids):
        raise CheckpointError(
            f"{', '.join(anew)} was made anew since {query} last read it: its offsets begin at 0 again, and to go on at "
            f"the old ones would leave records out. Run `make recover TABLE={query}`: it then begins with the topic's first "
            "record (docs/operations.md)."
        )


def remembered_by_query(checkpoint: Checkpoint) -> History:
    """Return the topics that a query which writes no table has read, as its checkpoint knows them;
    none before its first batch.
    """
    if not (checkpoint.exists(TOPICS) and checkpoint.numbers("offsets")):
        return {}
    return {topic: [Incarnation(topic_id, 0)] for topic, topic_id in json.loads(checkpoint.read(TOPICS)).items()}


def require_same_for_query(spark: SparkSession, query: str, ids: Mapping[str, str]) -> None:
    """Do the same for a query that writes no table, and have its checkpoint remember the ids
    (topic → id).
    """
    checkpoint = Checkpoint(spark, query)
    known = remembered_by_query(checkpoint)
    require_same(query, known, ids)
    if ids.keys() != known.keys():
        checkpoint.write(TOPICS, json.dumps(dict(ids)))
