"""The row balance: bronze rows = silver rows + duplicates + conflicts + quarantine rows, per topic,
for every record all have seen.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import pyarrow as pa
from pyiceberg.catalog import Catalog
from pyiceberg.expressions import And, BooleanExpression, EqualTo, GreaterThanOrEqual
from pyiceberg.table import Table as IcebergTable

from pipelines.bronze import events
from pipelines.lake.arrow import EVERY, batches, find
from pipelines.operations.duplicates import Conflict, Doubles
from pipelines.operations.positions import STEP, Held, Positions, copies, ends, held, held_by_topic, oldest, told_apart
from pipelines.operations.reached import examined_snapshot, refined_until
from pipelines.operations.readable import KafkaAnswer
from pipelines.silver import quarantine
from pipelines.silver.refining import Silver
from pipelines.streaming import incarnations
from pipelines.streaming.checkpoints import START
from pipelines.streaming.commits import ArrowCommits
from pipelines.streaming.incarnations import INCARNATIONS
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
        self._refused, self._bronze, self._doubled = refused, bronze, bronze.doubled + silver.doubled

    @property
    def nowhere(self) -> Positions:
        """Return the records that all have passed and that their bytes place nowhere."""
        return self.passed - self.duplicates - self._refused

    def ends(self, number: int) -> dict[int, int]:
        """Return by partition the offset behind the last record that bronze has of one incarnation
        of the topic.
        """
        spans = self._bronze.positions.incarnation(number).spans()
        return {partition: last + 1 for partition, (_, last) in spans.items()}

    def nowhere_of(self, number: int) -> Positions:
        """Return those of one incarnation of the topic, save where another one has a record in the
        same place.
        """
        others = Positions({at: marks for at, marks in self._bronze.positions.pages.items() if at[0] // STEP != number})
        places = Positions()
        for other in {partition // STEP for partition, _ in others.pages}:
            places |= others.incarnation(other)
        return self.nowhere.incarnation(number) - places

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
    bronze, topics, begun = _topics(catalogue, tables)
    unread = oldest_unread({topic.name: topic.ends(_newest(begun, topic)) for topic in topics})
    ages = [max(_age_s(bronze, topic, begun.get(topic.name, ())), _since_s(unread.get(topic.name))) for topic in topics]
    # Last, because it takes longer than a snapshot may stay.
    for silver, topic in zip(tables, topics, strict=True):
        newest = _newest(begun, topic)
        if topic.skipped:
            _look_into_gaps(topic, newest, ask_kafka)
        _place_the_rest(silver, topic, newest, tell_apart)
    return [topic.balance(age_s, within_s) for topic, age_s in zip(topics, ages, strict=True)]


def conflicts(catalogue: Catalog, tables: Sequence[Silver], tell_apart: TellApart) -> dict[str, list[Conflict]]:
    """Return by topic the events that the silver tables lack because another event has their id."""
    _, topics, begun = _topics(catalogue, tables)
    for silver, topic in zip(tables, topics, strict=True):
        _place_the_rest(silver, topic, _newest(begun, topic), tell_apart)
    return {topic.name: topic.conflicts for topic in topics if topic.conflicts}


def _topics(
    catalogue: Catalog, tables: Sequence[Silver]
) -> tuple[IcebergTable | None, list[Topic], Mapping[str, Sequence[int]]]:
    """Return bronze, where the records of each table's topic are as far as their bytes tell, and by
    topic when each further incarnation of it began (`_boundaries`).
    """
    # How far the queries are comes before what the tables hold, or what they get in between would
    # seem to be missing.
    examined = next(iter(ArrowCommits(quarantine.TABLE.name).committed_tables()), None)
    refined = [_refined_until(catalogue, silver.TABLE) for silver in tables]
    bronze = find(catalogue, events.TABLE)
    begun = _boundaries(catalogue, bronze, tables)
    until = _examined_until(bronze, examined, begun)
    in_bronze = held_by_topic(_rows(bronze, (*PLACE, "topic"), begun))
    refused = held_by_topic(_rows(find(catalogue, quarantine.TABLE), (*PLACE, "topic"), begun))
    topics = []
    for silver, ends_of in zip(tables, refined, strict=True):
        name = str(silver.TABLE.topic)
        in_silver = held(_rows(find(catalogue, silver.TABLE), LINEAGE, begun, name))
        topic = Topic(name, in_bronze[name], in_silver, refused[name].positions, _earlier(ends_of, until[name]))
        if topic.passed:
            values = _rows(bronze, (*PLACE, "value"), begun, name, where=EqualTo(term="topic", value=name))
            topic.duplicates = copies(values, topic.in_silver, topic.passed)
        topics.append(topic)
    return bronze, topics, begun


def _newest(begun: Mapping[str, Sequence[int]], topic: Topic) -> int:
    """Return the number of the newest incarnation of a topic, counted from 0."""
    return len(begun.get(topic.name, ()))


def _look_into_gaps(topic: Topic, newest: int, ask_kafka: AskKafka) -> None:
    """Find out which of the offsets that bronze lacks are records."""
    answer = ask_kafka(topic.name, topic.skipped.incarnation(newest))
    # Of the incarnations before Kafka holds nothing any more.
    before = topic.skipped - topic.skipped.incarnation(newest).as_incarnation(newest)
    topic.skipped = answer.records.as_incarnation(newest)
    topic.forgotten = answer.forgotten.as_incarnation(newest) | before


def _place_the_rest(silver: Silver, topic: Topic, newest: int, tell_apart: TellApart) -> None:
    """Find out which of the records that are nowhere are copies, and which conflicts."""
    for number in range(newest + 1):
        if nowhere := topic.nowhere_of(number):
            found = tell_apart(silver, nowhere)
            topic.duplicates |= found.copies.as_incarnation(number)
            topic.conflicts += found.conflicts


def _boundaries(catalogue: Catalog, bronze: IcebergTable | None, tables: Sequence[Silver]) -> dict[str, list[int]]:
    """Return of the topics that were made anew, or have lost their tail, when each further
    incarnation began, in microseconds since 1970.
    """
    found = [bronze, *(find(catalogue, silver.TABLE) for silver in tables)]
    known = [incarnations.parsed(table.properties.get(INCARNATIONS)) for table in found if table]
    names = (str(silver.TABLE.topic) for silver in tables)
    begun = {name: [each.since_us for each in incarnations.merged(each.get(name, []) for each in known)[1:]] for name in names}
    return {name: boundaries for name, boundaries in begun.items() if boundaries}


def _rows(
    table: IcebergTable | None,
    columns: Sequence[str],
    begun: Mapping[str, Sequence[int]],
    topic: str | None = None,
    snapshot_id: int | None = None,
    where: BooleanExpression = EVERY,
) -> Iterator[pa.RecordBatch]:
    """Return columns of a table, the first two partition and offset, with the incarnations of
    topics told apart; `topic` is the one that all the rows are of.
    """
    if not begun or (topic is not None and topic not in begun):
        return batches(table, columns, snapshot_id, where)
    arrival = "kafka_at" if columns[0] == LINEAGE[0] else "timestamp"
    return told_apart(batches(table, (*columns, arrival), snapshot_id, where), begun, topic)


def _earlier(refined: Mapping[int, int], examined: Mapping[int, int]) -> dict[int, int]:
    """Return by partition the offset before which both have done their work; of incarnations before
    the one that silver reads it will not read anything more.
    """
    current = max((partition // STEP for partition in refined), default=0)
    return {
        partition: min(end, refined.get(partition, end if partition // STEP < current else 0))
        for partition, end in examined.items()
    }


def _refined_until(catalogue: Catalog, table: Table) -> Mapping[int, int]:
    found = find(catalogue, table)
    properties = found.properties if found else {}
    ends_of = refined_until(ArrowCommits(table.name), properties.get(START), str(table.topic))
    before = max(0, len(incarnations.parsed(properties.get(INCARNATIONS)).get(str(table.topic), ())) - 1)
    return {partition + before * STEP: end for partition, end in ends_of.items()}


def _examined_until(
    bronze: IcebergTable | None, examined: TableOffset | None, begun: Mapping[str, Sequence[int]]
) -> Mapping[str, Mapping[int, int]]:
    """Return, by topic and partition, behind which record quarantine last looked in bronze."""
    snapshot = examined_snapshot(examined, bronze) if bronze else None
    rows = _rows(bronze, (*PLACE, "topic"), begun, snapshot_id=snapshot) if snapshot is not None else ()
    return ends(rows)


def _age_s(bronze: IcebergTable | None, topic: Topic, begun: Sequence[int]) -> float:
    """Return how long ago the oldest record in flight was appended; 0 where there is none."""
    waiting = topic.in_flight.incarnation(len(begun))  # of those before nothing is in flight
    if not waiting:
        return 0.0
    first = min(int(offsets[0]) for _, offsets in waiting.offsets() if len(offsets))
    where = And(EqualTo(term="topic", value=topic.name), GreaterThanOrEqual(term="offset", value=first))
    if begun:
        since = datetime.fromtimestamp(begun[-1] / 1e6, UTC).isoformat()
        where = And(where, GreaterThanOrEqual(term="timestamp", value=since))
    return _since_s(oldest(batches(bronze, (*PLACE, "timestamp"), where=where), waiting))


def _since_s(moment: datetime | None) -> float:
    return max(0.0, (datetime.now(UTC) - moment).total_seconds()) if moment else 0.0
