"""What was refused comes back once, and every record is in one place before, in between and
after.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from builders import NOON, a_review, at, framed, kafka_records, schemas
from pyiceberg.catalog.memory import InMemoryCatalog
from pyspark.sql import DataFrame, SparkSession

from pipelines.base.errors import SettingsError
from pipelines.base.window import Window
from pipelines.bronze import events
from pipelines.contracts.contract import Contract
from pipelines.lake import catalog, iceberg
from pipelines.operations.balance import Balance, balances, conflicts
from pipelines.operations.duplicates import tell_apart
from pipelines.operations.positions import Positions
from pipelines.operations.quarantine_replay import Outcome, archived, decided, quarantined, replay
from pipelines.operations.readable import KafkaAnswer
from pipelines.operations.refused import refused
from pipelines.silver import orders, quarantine, reviews
from pipelines.silver.refining import one_per_id, refine
from pipelines.streaming.checkpoints import Checkpoint
from pipelines.streaming.offsets import TableOffset, TopicOffsets

REVIEWS, NEWER = "shop.reviews", 2
AHEAD, BEFORE, SCORE = "event_at_in_the_future", "event_at_before_2000", "broken_rule:score_1_to_5"
TABLES = (events.TABLE, reviews.TABLE, quarantine.TABLE)


def contract(topic: str) -> Contract:
    schema = schemas(topic)[-1]
    return Contract(topic, schema, {1: schema, NEWER: schema})


def review(event_id: str, **changes: Any) -> bytes:
    return framed(REVIEWS, a_review(event_id=event_id, **changes))


AWAY = review("away", event_at=at(7200))
# By offset: what a shop may send.
RECORDS = (
    review("good"),
    review("good"),
    review("good")[:4] + bytes([NEWER]) + review("good")[5:],
    review("good", title="another"),
    review("good", title="another"),
    AWAY,
    AWAY,
    review("old", event_at=datetime(1970, 1, 2, tzinfo=UTC)),
    review("blank", event_at=at(7200), order_id=" "),
    b"no event",
    None,
    review("harsh", score=0),
    review("last"),
)


class Lake:
    """What the streams have made of the records."""

    def __init__(self, spark: SparkSession) -> None:
        self.spark = spark
        for table in TABLES:
            spark.sql(f"DROP TABLE IF EXISTS {table.name}")
            catalog.ensure(spark, table)
        records = kafka_records(spark, REVIEWS, RECORDS)
        events.keep(records).writeTo(events.TABLE.name).append()
        one_per_id(refine(records, contract(REVIEWS), reviews)).writeTo(reviews.TABLE.name).append()
        quarantine.refuse(records, {REVIEWS: contract(REVIEWS)}, [reviews]).writeTo(quarantine.TABLE.name).append()
        self.reach(len(RECORDS))

    def reach(self, until: int) -> None:
        """Let silver's query have come so far, and quarantine's to the end."""
        bronze = TableOffset(
            iceberg.loaded(self.spark, events.TABLE).currentSnapshot().snapshotId(), 1000, scan_all_files=False
        )
        for table, offset in ((reviews.TABLE, TopicOffsets({REVIEWS: {0: until}})), (quarantine.TABLE, bronze)):
            Checkpoint(self.spark, table.name).write("offsets/0", f"v1\n{{}}\n{offset.to_json()}")
            Checkpoint(self.spark, table.name).write("commits/0", "v1\n{}")

    def look(self, question: Callable[[InMemoryCatalog], Any]) -> Any:
        """Answer a question to the tables as they are, without Spark."""
        with InMemoryCatalog("lake") as catalogue:
            for layer in ("bronze", "silver"):
                catalogue.create_namespace(layer)
            for table in TABLES:
                metadata = iceberg.loaded(self.spark, table).operations().current().metadataFileLocation()
                catalogue.register_table(table.name, metadata)
            return question(catalogue)

    def balance(self) -> Balance:
        """Where every record is; it holds."""

        def ask(catalogue: InMemoryCatalog) -> Balance:
            apart = partial(tell_apart, catalogue, contract)
            kafka = KafkaAnswer(Positions(), Positions())
            (found,) = balances(catalogue, [reviews], apart, lambda topic, skipped: kafka, lambda reached: {}, 1e12)
            return found

        found = self.look(ask)
        places = found.silver + found.duplicates + found.conflicts + found.quarantined + found.in_flight
        assert (found.bronze, places, found.holds) == (len(RECORDS), len(RECORDS), True)
        return replace(found, oldest_s=0.0)

    def reasons(self) -> dict[str, int]:
        """What is refused and has not come back."""
        found = self.look(lambda catalogue: refused(catalogue, [reviews], lambda *_: None, None, None, 0))
        return {each.reason: each.records for each in found}

    def conflicting(self) -> DataFrame:
        """The first of the records of each content whose id another event has."""
        found = self.look(lambda catalogue: conflicts(catalogue, [reviews], partial(tell_apart, catalogue, contract)))
        return archived(self.spark, REVIEWS, [each.place for each in found.get(REVIEWS, []) if each.is_first], None)

    def bring_back(
        self, reason: str, as_what: str | None = None, dry_run: bool = False, window: Window | None = None
    ) -> Outcome:
        """Replay what was refused for a reason."""
        chosen = self.conflicting() if reason == "id_conflict" else quarantined(self.spark, REVIEWS, reason, window)
        return replay(self.spark, reviews, contract(REVIEWS), chosen, decided(reviews, reason, as_what), dry_run)

    def silver(self) -> dict[str, Any]:
        """The rows, by event."""
        rows = catalog.fresh(self.spark, reviews.TABLE).collect()
        found = {row["event_id"]: row for row in rows}
        assert len(found) == len(rows)
        return found


@pytest.fixture
def lake(spark: SparkSession, own_settings: Path) -> Iterator[Lake]:
    yield Lake(spark)
    for table in TABLES:
        spark.sql(f"DROP TABLE {table.name}")


def test_everything_comes_back_once_and_each_record_is_in_one_place(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    before = lake.balance()
    assert before == Balance(REVIEWS, 13, silver=2, duplicates=2, quarantined=7, in_flight=0, gaps=0, doubled=0, conflicts=2)
    assert lake.reasons() == {AHEAD: 3, BEFORE: 1, SCORE: 1, "no_schema_header": 1, "tombstone": 1}

    blank = {"broken_rule:order_id_not_blank": 1}
    wrong = Outcome(chosen=3, returned=1, in_silver=1, to_come=0, refused=blank)
    assert lake.bring_back(AHEAD) == Outcome(3, 0, 0, 0, {AHEAD: 3}), "today's rules refuse them as those of then did"
    assert lake.bring_back(AHEAD, "arrival-time", dry_run=True) == wrong
    assert lake.balance() == before
    assert lake.bring_back(AHEAD, "arrival-time") == wrong
    returned = lake.balance()
    assert (returned.silver, returned.duplicates, returned.quarantined, returned.doubled) == (3, 3, 5, 0)
    assert lake.bring_back(AHEAD, "arrival-time") == Outcome(2, 0, 1, 0, blank)
    assert lake.balance() == returned
    away = lake.silver()["away"]
    assert (away["event_at"], away["event_at_given_us"]) == (NOON.replace(tzinfo=None), round(at(7200).timestamp()) * 1_000_000)

    lake.spark.sql(f"ALTER TABLE {reviews.TABLE.name} ADD COLUMN note string FIRST")  # by somebody, for themselves
    assert lake.bring_back(BEFORE, "arrival-time").returned == 1
    monkeypatch.setattr(reviews, "RULES", {"score_0_to_5": lambda event: event["score"].between(0, 5)})
    assert lake.bring_back(SCORE) == Outcome(1, 1, 0, 0, {})
    assert lake.silver()["harsh"]["event_at_given_us"] is None

    assert lake.bring_back("id_conflict") == Outcome(1, 1, 0, 0, {})
    assert lake.bring_back("id_conflict") == Outcome(0, 0, 0, 0, {})
    assert (lake.silver()["good#0-3"]["title"], lake.silver()["good"]["title"]) == ("another", None)
    assert lake.balance() == Balance(REVIEWS, 13, silver=6, duplicates=4, quarantined=3, in_flight=0, gaps=0, doubled=0)
    assert lake.reasons() == {AHEAD: 1, "no_schema_header": 1, "tombstone": 1}


def test_what_silver_s_query_will_still_read_is_left_to_it(lake: Lake) -> None:
    lake.reach(5)
    assert lake.bring_back(AHEAD, "arrival-time").returned == 0
    lake.reach(6)
    assert lake.bring_back(AHEAD, "arrival-time").returned == 1


def test_only_what_arrived_in_the_window_comes_back(lake: Lake) -> None:
    hour = timedelta(hours=1)
    assert lake.bring_back(BEFORE, "arrival-time", window=Window(NOON - hour, NOON)).chosen == 0
    assert lake.bring_back(BEFORE, "arrival-time", window=Window(NOON, NOON + hour)).returned == 1


@pytest.mark.parametrize(
    ("reason", "as_what", "sentence"),
    [
        ("tombstone", None, "Nothing can be decided of tombstone: there is no event in such a record"),
        ("undecodable", "arrival-time", "Nothing can be decided of undecodable"),
        (SCORE, "arrival-time", "were not refused for their clock: leave out AS=arrival-time"),
        ("id_conflict", "arrival-time", "were not refused for their clock"),
    ],
)
def test_what_cannot_be_decided_is_said(reason: str, as_what: str | None, sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence):
        decided(orders, reason, as_what)
