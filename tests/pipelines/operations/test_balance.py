"""The row balance says where every record is, and does not come out even when one is lost."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pyarrow as pa
import pytest
from pyiceberg.catalog.memory import InMemoryCatalog
from small_lake import REVIEWS, SmallLake, archived, refined

from pipelines.base.errors import StaleRead
from pipelines.bronze import events
from pipelines.operations.balance import Balance, Topic, balances
from pipelines.operations.duplicates import Conflict, Doubles, Place
from pipelines.operations.positions import Held, Positions, copies, held
from pipelines.operations.readable import KafkaAnswer
from pipelines.silver import quarantine, reviews
from pipelines.silver.refining import Silver
from pipelines.streaming.commits import ArrowCommits
from pipelines.streaming.incarnations import INCARNATIONS
from pipelines.streaming.offsets import TableOffset, TopicOffsets
from pipelines.table import Table

TOPIC = "shop.orders"
Answer = tuple[Balance, list[int]]  # and the records that were nowhere


def of(
    bronze: Sequence[int],
    refined: Sequence[tuple[int, str]],
    silver: Sequence[tuple[int, str]],
    quarantined: Sequence[int],
    until: int,
) -> Balance:
    """The balance of records whose bytes are their events, or none where they are refused."""
    values = [dict(refined).get(offset, "").encode() for offset in bronze]
    in_silver = table([offset for offset, _ in silver])
    topic = Topic(TOPIC, table(bronze), in_silver, table(quarantined).positions, {0: until})
    rows = pa.record_batch({"partition": [0] * len(bronze), "offset": list(bronze), "value": values})
    topic.duplicates = copies([rows], topic.in_silver, topic.passed)
    return topic.balance()


def table(offsets: Sequence[int]) -> Held:
    """What a table holds with rows of these offsets."""
    return held(
        [pa.record_batch({"partition": pa.array([0] * len(offsets), pa.int32()), "offset": pa.array(offsets, pa.int64())})]
    )


def test_every_record_is_in_one_place() -> None:
    refined = [(0, "a"), (1, "a"), (2, "b"), (4, "c")]
    found = of(range(5), refined, [(0, "a"), (2, "b")], [3], until=4)
    assert found == Balance(TOPIC, bronze=5, silver=2, duplicates=1, quarantined=1, in_flight=1, gaps=0, doubled=0)
    assert (found.missing, found.holds) == (0, True)


def test_a_lost_record_is_missing() -> None:
    found = of(range(3), [(0, "a"), (1, "b"), (2, "c")], [(0, "a"), (2, "c")], [], until=3)
    assert (found.missing, found.in_flight, found.holds) == (1, 0, False)


def test_a_row_held_twice_is_doubled_and_hides_no_missing_one() -> None:
    refined = [(0, "a"), (1, "b"), (2, "c")]
    in_silver = of(range(3), refined, [(0, "a"), (0, "a"), (2, "c")], [], until=3)
    assert in_silver == Balance(TOPIC, bronze=3, silver=2, duplicates=0, quarantined=0, in_flight=0, gaps=0, doubled=1)
    assert in_silver.missing == 1
    whole = of(range(3), refined, [*refined, (1, "b")], [], until=3)
    assert (whole.missing, whole.doubled, whole.holds) == (0, 1, False)
    in_bronze = of([0, 0, 2], [(0, "a"), (0, "a"), (2, "c")], [(0, "a"), (2, "c")], [], until=3)
    assert (in_bronze.bronze, in_bronze.doubled, in_bronze.gaps, in_bronze.missing) == (2, 1, 1, 1)


def test_an_offset_that_bronze_skipped_is_missing() -> None:
    found = of([0, 2], [(0, "a"), (2, "c")], [(0, "a"), (2, "c")], [], until=3)
    assert (found.gaps, found.missing) == (1, 1)


@pytest.mark.parametrize("refused", [[1], [1, 1]])
def test_a_rebuilt_record_counts_as_silver_and_a_refused_one_once(refused: list[int]) -> None:
    rebuilt = of(range(2), [(0, "a"), (1, "b")], [(0, "a"), (1, "b")], refused, until=2)
    assert (rebuilt.silver, rebuilt.quarantined, rebuilt.missing) == (2, 0, 0)
    waiting = of(range(2), [(0, "a")], [(0, "a")], refused, until=2)
    assert (waiting.silver, waiting.quarantined, waiting.missing) == (1, 1, 0)


def test_a_refused_copy_whose_event_was_rebuilt_is_a_duplicate_and_counted_once() -> None:
    found = of(range(2), [(0, "a"), (1, "a")], [(0, "a")], [0, 1], until=2)
    assert found == Balance(TOPIC, bronze=2, silver=1, duplicates=1, quarantined=0, in_flight=0, gaps=0, doubled=0)
    assert found.holds


def test_nobody_has_looked_yet() -> None:
    found = of([5, 6], [(5, "a"), (6, "b")], [], [], until=0)
    assert found == Balance(TOPIC, 2, 0, 0, 0, in_flight=2, gaps=0, doubled=0)


def test_a_record_in_flight_for_too_long_is_stuck() -> None:
    topic = Topic(TOPIC, table([0, 1]), table([0]), table([]).positions, {0: 1})
    assert topic.balance(oldest_s=9.0, within_s=10.0).holds
    stuck = topic.balance(oldest_s=11.0, within_s=10.0)
    assert (stuck.in_flight, stuck.missing, stuck.is_stuck, stuck.holds) == (1, 0, True, False)


class Lake(SmallLake):
    """A small lake, and what Kafka says of the offsets that bronze lacks."""

    answer = KafkaAnswer(Positions(), Positions())
    unread: Mapping[str, datetime] = MappingProxyType({})

    def remember(self, table: Table, history: Mapping[str, Any]) -> None:
        """Have a table remember incarnations of its topics."""
        with self.tables[table.name].transaction() as change:
            change.set_properties({INCARNATIONS: json.dumps(history)})

    def ask_kafka(self, topic: str, skipped: Positions) -> KafkaAnswer:
        """Say of skipped offsets what Kafka would."""
        return KafkaAnswer(skipped & self.answer.records, skipped & self.answer.forgotten)

    def oldest_unread(self, reached: Mapping[str, Mapping[int, int]]) -> Mapping[str, datetime]:
        """Say of what lies behind these offsets since when it is in Kafka."""
        assert reached.keys() == {REVIEWS}
        self.reached = reached[REVIEWS]
        return self.unread

    def balance(self, within_s: float = 60.0, copied: Sequence[int] = (), conflicts: Sequence[int] = ()) -> Answer:
        """Return the balance and which records were nowhere; of these some are copies, some
        conflicts.
        """
        looked_up: list[int] = []

        def tell_apart(silver: Silver, nowhere: Positions) -> Doubles:
            looked_up.extend(nowhere.columns()[1].tolist())
            found = [Conflict(Place(0, offset), Place(0, 0), "0", is_first=True) for offset in conflicts]
            return Doubles(table(copied).positions, found)

        (found,) = balances(self.catalogue, [reviews], tell_apart, self.ask_kafka, self.oldest_unread, within_s)
        return found, looked_up


@pytest.fixture
def lake(own_settings: Path) -> Iterator[Lake]:
    made = Lake(own_settings)
    yield made
    made.catalogue.close()


def micros(ago_s: float) -> int:
    """Return a time so long ago, in microseconds since 1970."""
    return int((datetime.now(UTC).timestamp() - ago_s) * 1e6)


def test_nothing_is_there_before_the_queries_have_run(own_settings: Path) -> None:
    with InMemoryCatalog("lake", warehouse=f"file://{own_settings}") as catalogue:
        (found,) = balances(
            catalogue, [reviews], lambda *_: Doubles(), lambda topic, skipped: KafkaAnswer(skipped, skipped), lambda _: {}, 1.0
        )
    assert found == Balance(REVIEWS, *[0] * 7)
    assert found.holds


def test_the_tables_and_checkpoints_of_a_lake_are_counted(lake: Lake) -> None:
    examined = lake.append(
        events.TABLE,
        archived(0, b"a"),
        archived(1, b"b"),
        archived(2, b"a"),
        archived(3, b"refused"),
        archived(4, b"a again"),
        archived(0, b"", topic="x"),
    )
    lake.append(events.TABLE, archived(5, b"e", ago_s=30.0), archived(6, b"f", ago_s=20.0))
    lake.append(reviews.TABLE, refined(0), refined(1), refined(6))
    lake.append(quarantine.TABLE, archived(3, b"refused"))
    lake.commit(reviews.TABLE, TopicOffsets({REVIEWS: {0: 7}}))
    lake.commit(quarantine.TABLE, TableOffset(examined, 1, scan_all_files=False))

    found, looked_up = lake.balance(copied=[4])

    assert looked_up == [4]  # it has not the bytes of any that silver holds
    assert replace(found, oldest_s=0.0) == Balance(REVIEWS, 7, 3, 2, 1, in_flight=1, gaps=0, doubled=0)
    assert (found.missing, found.holds) == (0, True)
    assert 30 <= found.oldest_s < 60
    assert not lake.balance(within_s=29.0, copied=[4])[0].holds
    lost, _ = lake.balance()
    assert (lost.missing, lost.holds) == (1, False)
    conflict, _ = lake.balance(conflicts=[4])
    assert (conflict.duplicates, conflict.conflicts, conflict.missing, conflict.holds) == (1, 1, 0, True)


def test_offsets_that_are_no_records_are_no_gaps(lake: Lake) -> None:
    lake.append(events.TABLE, *(archived(offset, b"") for offset in (0, 4, 9)))
    lake.append(reviews.TABLE, *(refined(offset) for offset in (0, 4, 9)))
    lake.commit(reviews.TABLE, TopicOffsets({REVIEWS: {0: 10}}))
    markers, _ = lake.balance()
    assert (markers.gaps, markers.forgotten, markers.holds) == (0, 0, True)
    lake.answer = KafkaAnswer(table([5]).positions, table([1, 2]).positions)
    skipped, _ = lake.balance()
    assert (skipped.gaps, skipped.missing, skipped.forgotten, skipped.holds) == (1, 1, 2, False)


def test_a_topic_that_was_made_anew_has_offsets_twice_and_the_balance_holds(lake: Lake) -> None:
    history = {REVIEWS: [{"topic_id": "old", "since_us": 0}, {"topic_id": "new", "since_us": micros(50.0)}]}
    for each in (events.TABLE, reviews.TABLE):
        lake.remember(each, history)
    old = [archived(offset, f"old{offset}".encode(), ago_s=100.0) for offset in (0, 1, 2, 3, 7)]
    new = [archived(offset, f"new{offset}".encode(), ago_s=10.0) for offset in (0, 1, 2, 5)]
    examined = lake.append(events.TABLE, *old, *new)
    lake.append(reviews.TABLE, *(refined(offset, ago_s=100.0) for offset in (0, 1, 7)))
    lake.append(reviews.TABLE, *(refined(offset, ago_s=10.0) for offset in (0, 1)))
    lake.append(quarantine.TABLE, old[2], old[3], new[2])
    lake.commit(reviews.TABLE, TopicOffsets({REVIEWS: {0: 3}}))
    lake.commit(quarantine.TABLE, TableOffset(examined, 1, scan_all_files=False))
    lake.answer = KafkaAnswer(Positions(), table([3, 4]).positions)
    found, _ = lake.balance()
    assert replace(found, oldest_s=0.0) == Balance(REVIEWS, 9, 5, 0, 3, in_flight=1, gaps=0, doubled=0, forgotten=5)
    assert (found.missing, found.holds) == (0, True)
    assert 10 <= found.oldest_s < 50


@pytest.mark.parametrize("ago_s", [100.0, 10.0], ids=["old", "new"])
def test_a_record_of_either_incarnation_is_missing_where_only_the_other_has_its_place(lake: Lake, ago_s: float) -> None:
    lake.remember(events.TABLE, {REVIEWS: [{"topic_id": "a", "since_us": 0}, {"topic_id": "b", "since_us": micros(50.0)}]})
    lake.remember(reviews.TABLE, {REVIEWS: [{"topic_id": "a", "since_us": 0}, {"topic_id": "b", "since_us": micros(60.0)}]})
    rows = [archived(0, b"old", ago_s=100.0), archived(0, b"new", ago_s=10.0)]
    examined = lake.append(events.TABLE, *rows)
    lake.append(reviews.TABLE, refined(0, ago_s=ago_s))
    lake.commit(reviews.TABLE, TopicOffsets({REVIEWS: {0: 1}}))
    lake.commit(quarantine.TABLE, TableOffset(examined, 1, scan_all_files=False))
    found, looked_up = lake.balance(copied=[0])
    assert (found.bronze, found.silver, found.missing, found.doubled) == (2, 1, 1, 0)
    assert looked_up == [], "the other record in its place may be what silver holds"


def test_what_queries_do_while_it_looks_is_not_missing(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    examined = lake.append(events.TABLE, archived(0, b"a"), archived(1, b"b"))
    lake.append(reviews.TABLE, refined(0))
    lake.commit(reviews.TABLE, TopicOffsets({REVIEWS: {0: 1}}))
    lake.commit(quarantine.TABLE, TableOffset(examined, 1, scan_all_files=False))
    look = ArrowCommits.committed_of

    def committed_meanwhile(commits: ArrowCommits, topic: str) -> Mapping[int, int]:
        lake.append(reviews.TABLE, refined(1))
        lake.commit(reviews.TABLE, TopicOffsets({REVIEWS: {0: 2}}))
        return look(commits, topic)

    monkeypatch.setattr(ArrowCommits, "committed_of", committed_meanwhile)
    found, _ = lake.balance()
    assert (found.silver, found.missing, found.holds) == (2, 0, True)


def test_with_a_quarantine_that_never_looked_all_that_silver_lacks_is_in_flight(lake: Lake) -> None:
    lake.append(events.TABLE, archived(0, b"a"), archived(1, b"b"))
    lake.append(reviews.TABLE, refined(1))
    lake.commit(reviews.TABLE, TopicOffsets({REVIEWS: {0: 2}}))
    found, looked_up = lake.balance(within_s=0.5)
    assert (found.silver, found.in_flight, found.missing, looked_up) == (1, 1, 0, [])
    assert (found.is_stuck, found.holds) == (True, False)


def test_a_record_that_bronze_does_not_take_in_is_stuck_too(lake: Lake) -> None:
    lake.append(events.TABLE, archived(0, b"a"), archived(7, b"b"))
    lake.append(reviews.TABLE, *(refined(offset) for offset in range(8)))
    lake.unread = {REVIEWS: datetime.now(UTC) - timedelta(seconds=100)}
    waiting, _ = lake.balance(within_s=120)
    assert lake.reached == {0: 8}
    assert (waiting.in_flight, waiting.is_stuck, waiting.holds) == (0, False, True)
    assert 100 <= waiting.oldest_s < 120
    assert not lake.balance(within_s=99)[0].holds


def test_a_snapshot_that_has_expired_is_said_to_be(lake: Lake) -> None:
    lake.append(events.TABLE, archived(0, b"a"))
    lake.commit(quarantine.TABLE, TableOffset(7, 1, scan_all_files=False))
    with pytest.raises(StaleRead, match=r"Snapshot 7 of bronze\.events, up to which quarantine has looked, has expired"):
        lake.balance()


def test_a_file_that_was_removed_while_it_was_read_is_said_to_be(lake: Lake) -> None:
    lake.append(events.TABLE, archived(0, b"a"))
    (task,) = lake.tables[events.TABLE.name].scan().plan_files()
    Path(task.file.file_path.removeprefix("file://")).unlink()
    with pytest.raises(StaleRead, match=r"Files of bronze\.events were removed while they were read"):
        lake.balance()
