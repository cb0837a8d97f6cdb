"""The row balance: bronze rows = silver rows + duplicates + conflicts + quarantine rows, per topic,
for every record all have seen.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from pyiceberg.catalog import Catalog
from pyiceberg.expressions import And, EqualTo, GreaterThanOrEqual
from pyiceberg.table import Table as IcebergTable

from pipelines.bronze import events
from pipelines.lake.arrow import batches, find
from pipelines.operations.duplicates import Conflict, Doubles
from pipelines.operations.positions import Held, Positions, copies, ends, held, held_by_topic, oldest
from pipelines.operations.reached import examined_snapshot, refined_until
from pipelines.operations.readable import KafkaAnswer
from pipelines.silver import quarantine
from pipelines.silver.refining import Silver
from pipelines.streaming.checkpoints import START
from pipelines.streaming.commits import ArrowCommits
from pipelines.streaming.offsets import TableOffset
from pipelines.table import Table

PLACE = ("partition", "offset")
LINEAGE = ("kafka_partition", "kafka_offset")
# Tells records of a silver table's topic apart that are nowhere: copies, conflicts, and neither.
TellApart = Callable[[Silver, Positions], Doubles]
# When the oldest record behind offsets (topic → partition → offset) came to Kafka, by topic.
OldestUnread = Callable[[Mapping[str, Mapping[int, int]]], Mapping[str, datetime]]
AskKafka = Callable[[str, Positions], KafkaAnswer]  # of offsets that bronze has skipped in a topic


@dataclass(frozen=True)
class Balance:
    """Where a topic's records are. `in_flight` were not reached by every query yet; `gaps`,
    `doubled` and `missing` must be 0.

    A record counts once wherever it is; how many rows there are above that in bronze and silver is
    `doubled`. `oldest_s` is how long the oldest record in flight has waited, in seconds, also where
    bronze has not taken it in yet, and `is_stuck` whether that is longer than the settings allow.
    Gaps are records that bronze has skipped. `forgotten` are offsets that it lacks and that Kafka
    does not hold any more: records, or what transactions leave behind, nobody can tell. `conflicts`
    are events whose id another event in silver has; bronze keeps them.
    """

    topic: str
    bronze: int
    silver: int
    duplicates: int
    quarantined: int
    in_flight: int
    gaps: int
    doubled: int
    oldest_s: float = 0.0
    is_stuck: bool = False
    forgotten: int = 0
    conflicts: int = 0

    @property
    def missing(self) -> int:
        """Records that all queries have passed and that are nowhere, and offsets that bronze has
        skipped.
        """
        elsewhere = self.duplicates + self.conflicts + self.quarantined + self.in_flight
        return self.bronze - self.silver - elsewhere + self.gaps

    @property
    def holds(self) -> bool:
        """Return whether every record is where it belongs, once, or on its way."""
        return not (self.missing or self.doubled or self.is_stuck)


class Topic:
    """Where the records of one topic are."""

    def __init__(self, name: str, bronze: Held, silver: Held, refused: Positions, until: Mapping[int, int]) -> None:
        """`refused`: what quarantine holds; `until`: partition → the offset before which silver and
        quarantine have both done their work.
        """
        self.name = name
        self.in_silver = bronze.positions & silver.positions
        # What silver lacks, and of that what it lacks although all have passed.
        self.loose = bronze.positions - self.in_silver
        self.passed = self.loose.before(until)
        self.in_flight = self.loose - self.passed - refused
        self.duplicates, self.conflicts = Positions(), list[Conflict]()
        self.skipped, self.forgotten = bronze.positions.gaps(), Positions()
        self.ends = {partition: last + 1 for partition, (_, last) in bronze.positions.spans().items()}
        self._refused, self._bronze, self._doubled = refused, bronze, bronze.doubled + silver.doubled

    @property
    def nowhere(self) -> Positions:
        """Return the records that all have passed and that their bytes place nowhere."""
        return self.passed - self.duplicates - self._refused

    def balance(self, oldest_s: float = 0.0, within_s: float = float("inf")) -> Balance:
        """Count the records in each place.

        A record that was quarantined counts as silver once it is rebuilt, and as a duplicate once
        silver holds one with its bytes. oldest_s: how old the oldest in flight is; within_s: how
        old it may be.
        """
        return Balance(
            topic=self.name,
            bronze=len(self._bronze.positions),
            silver=len(self.in_silver),
            duplicates=len(self.duplicates),
            quarantined=len((self.loose - self.duplicates) & self._refused),
            in_flight=len(self.in_flight),
            gaps=len(self.skipped),
            doubled=self._doubled,
            oldest_s=oldest_s,
            is_stuck=oldest_s > within_s,
            forgotten=len(self.forgotten),
            conflicts=len(self.conflicts),
        )


def balances(
    catalogue: Catalog,
    tables: Sequence[Silver],
    tell_apart: TellApart,
    ask_kafka: AskKafka,
    oldest_unread: OldestUnread,
    within_s: float,
) -> list[Balance]:
    """Return the balance of the topic of each silver table, which does not hold where a record is
    in flight for more than `within_s` seconds.

    A record that silver lacks is a duplicate where it has the bytes of one that silver holds; only
    those that are nowhere even so are handed to `tell_apart`. Offsets that bronze
    lacks are handed to `ask_kafka`, and where it ends to `oldest_unread`. Raises StaleRead when a
    table moves on too fast to be read.
    """
    bronze, topics = _topics(catalogue, tables)
    unread = oldest_unread({topic.name: topic.ends for topic in topics})
    ages = [max(_age_s(bronze, topic), _since_s(unread.get(topic.name))) for topic in topics]
    # Last, because it takes longer than a snapshot may stay.
    for silver, topic in zip(tables, topics, strict=True):
        if topic.skipped:
            topic.skipped, topic.forgotten = ask_kafka(topic.name, topic.skipped)
        _place_the_rest(silver, topic, tell_apart)
    return [topic.balance(age_s, within_s) for topic, age_s in zip(topics, ages, strict=True)]


def conflicts(catalogue: Catalog, tables: Sequence[Silver], tell_apart: TellApart) -> dict[str, list[Conflict]]:
    """Return by topic the events that the silver tables lack because another event has their id."""
    _, topics = _topics(catalogue, tables)
    for silver, topic in zip(tables, topics, strict=True):
        _place_the_rest(silver, topic, tell_apart)
    return {topic.name: topic.conflicts for topic in topics if topic.conflicts}


def _topics(catalogue: Catalog, tables: Sequence[Silver]) -> tuple[IcebergTable | None, list[Topic]]:
    """Return bronze, and where the records of each table's topic are as far as their bytes tell."""
    # How far the queries are comes before what the tables hold, or what they get in between would
    # seem to be missing.
    examined = next(iter(ArrowCommits(quarantine.TABLE.name).committed_tables()), None)
    refined = [_refined_until(catalogue, silver.TABLE) for silver in tables]
    bronze = find(catalogue, events.TABLE)
    until = _examined_until(bronze, examined)
    in_bronze = held_by_topic(batches(bronze, (*PLACE, "topic")))
    refused = held_by_topic(batches(find(catalogue, quarantine.TABLE), (*PLACE, "topic")))
    topics = []
    for silver, ends_of in zip(tables, refined, strict=True):
        name = str(silver.TABLE.topic)
        in_silver = held(batches(find(catalogue, silver.TABLE), LINEAGE))
        both = {partition: min(end, until[name][partition]) for partition, end in ends_of.items() if partition in until[name]}
        topic = Topic(name, in_bronze[name], in_silver, refused[name].positions, both)
        if topic.passed:
            values = batches(bronze, (*PLACE, "value"), where=EqualTo(term="topic", value=name))
            topic.duplicates = copies(values, topic.in_silver, topic.passed)
        topics.append(topic)
    return bronze, topics


def _place_the_rest(silver: Silver, topic: Topic, tell_apart: TellApart) -> None:
    if topic.nowhere:
        found = tell_apart(silver, topic.nowhere)
        topic.duplicates |= found.copies
        topic.conflicts = found.conflicts


def _refined_until(catalogue: Catalog, table: Table) -> Mapping[int, int]:
    found = find(catalogue, table)
    return refined_until(ArrowCommits(table.name), found.properties.get(START) if found else None, str(table.topic))


def _examined_until(bronze: IcebergTable | None, examined: TableOffset | None) -> Mapping[str, Mapping[int, int]]:
    """Return, by topic and partition, behind which record quarantine last looked in bronze."""
    snapshot = examined_snapshot(examined, bronze) if bronze else None
    return ends(batches(bronze, (*PLACE, "topic"), snapshot) if snapshot is not None else ())


def _age_s(bronze: IcebergTable | None, topic: Topic) -> float:
    """Return how long ago the oldest record in flight was appended; 0 where there is none."""
    if not topic.in_flight:
        return 0.0
    first = min(int(offsets[0]) for _, offsets in topic.in_flight.offsets() if len(offsets))
    where = And(EqualTo(term="topic", value=topic.name), GreaterThanOrEqual(term="offset", value=first))
    return _since_s(oldest(batches(bronze, (*PLACE, "timestamp"), where=where), topic.in_flight))


def _since_s(moment: datetime | None) -> float:
    return max(0.0, (datetime.now(UTC) - moment).total_seconds()) if moment else 0.0
