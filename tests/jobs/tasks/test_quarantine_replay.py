"""`make quarantine-replay` beside running streams, killed on the way: what was refused is in silver
once, and every record in one place.
"""

import json
import signal
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from builders import a_review
from processes import finished, running
from pyiceberg.expressions import StartsWith
from topic_records import send
from waiting import until

from pipelines.base.settings import Settings, settings
from pipelines.base.window import FORMATS
from pipelines.contracts import schemas
from pipelines.kafka import schema_registry, topics
from pipelines.lake.arrow import batches, find, open_catalogue
from pipelines.operations.balance import Balance, balances
from pipelines.operations.duplicates import tell_apart
from pipelines.operations.readable import ask, oldest_unread
from pipelines.silver import reviews

pytestmark = pytest.mark.integration

REVIEWS, AHEAD = "shop.reviews", "event_at_in_the_future"
STREAMS = """
from jobs.streams import keep_events, quarantine_events, refine
from pipelines.streaming.job import run_queries
run_queries("streams", lambda: [*keep_events.queries(), *refine.queries("silver.reviews"), *quarantine_events.queries()])
"""
AGAIN = """
from datetime import UTC, datetime, timedelta

from jobs.tasks.quarantine_replay import bring_back
from pipelines.base.window import Window
from pipelines.operations.quarantine_replay import decided
from pipelines.silver import reviews
from pipelines.streaming.job import run

def again(spark):
    ours = Window(datetime.fromisoformat("{since}").replace(tzinfo=UTC), datetime.now(UTC) + timedelta(days=1))
    for reason, as_what in (("event_at_in_the_future", "arrival-time"), ("id_conflict", None)):
        bring_back(spark, reviews, reason, decided(reviews, reason, as_what), ours, False)

run("again", again)
"""
REPLAY, ARRIVAL = ("jobs/tasks/quarantine_replay.py", "--topic", REVIEWS, "--reason"), ("--as", "arrival-time")
RUN = uuid.uuid4().hex


@pytest.fixture
def own_lake(local_stack: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """A catalogue and checkpoints of this test's own, for it and its child processes."""
    monkeypatch.setenv("TIDEMARK_CATALOG__NAME", f"replay_{RUN}")
    monkeypatch.setenv("TIDEMARK_CATALOG__WAREHOUSE", str(tmp_path / "warehouse"))
    monkeypatch.setenv("TIDEMARK_CHECKPOINTS__PATH", str(tmp_path / "checkpoints"))
    monkeypatch.setenv("TIDEMARK_UPKEEP__IN_FLIGHT_S", "1e9")  # other topics are read by nobody here
    for query in ("BRONZE.EVENTS", "SILVER.REVIEWS", "SILVER.QUARANTINE"):
        monkeypatch.setenv(f"TIDEMARK_STREAMS__{query}__TRIGGER", "1 second")
    settings.cache_clear()
    schema_registry.register_contracts()
    topics.create_missing(local_stack.kafka, schemas.topics())
    yield settings()
    settings.cache_clear()


def balance(chosen: Settings) -> Balance:
    with open_catalogue() as catalogue:
        apart = partial(tell_apart, catalogue, schema_registry.contract)
        asking = (partial(ask, chosen.kafka), partial(oldest_unread, chosen.kafka))
        (found,) = balances(catalogue, [reviews], apart, *asking, 1e9)
        return found


def has_all(chosen: Settings) -> bool:
    """Whether bronze, silver and quarantine have seen what a reader sees of the topic."""
    found = balance(chosen)
    return (found.in_flight, found.oldest_s) == (0, 0.0)


def silver() -> dict[str, dict[str, Any]]:
    """This run's rows, by event; none is there twice."""
    columns = ("event_id", "title", "event_at", "kafka_at", "event_at_given_us")
    with open_catalogue() as catalogue:
        found = batches(find(catalogue, reviews.TABLE), columns, where=StartsWith(term="event_id", literal=RUN))
        rows = [row for batch in found for row in batch.to_pylist()]
    by_event = {row["event_id"].removeprefix(RUN): row for row in rows}
    assert len(by_event) == len(rows)
    return by_event


def a_review_of(name: str, ahead: timedelta = timedelta(0), **changes: Any) -> dict[str, Any]:
    return a_review(event_id=f"{RUN}{name}", order_id=RUN, event_at=datetime.now(UTC) + ahead, **changes)


def killed(point: str, since: str) -> None:
    """Run the replay of the wrong clocks since some time to the point where it dies."""
    finished(*REPLAY, AHEAD, *ARRIVAL, "--from", since, expect=-signal.SIGKILL, TIDEMARK_KILL_POINT=point)


def returned_again(since: str) -> list[int]:
    """Replay the wrong clocks and the conflicts of ids since some time, and return how many records
    came back of each.
    """
    lines = finished("-c", AGAIN.format(since=since)).stderr.splitlines()
    logged = [json.loads(line) for line in lines if line.startswith("{")]
    return [entry["returned"] for entry in logged if entry["event"] == "replayed"]


def test_what_was_refused_is_in_silver_once_wherever_the_replay_dies(own_lake: Settings, tmp_path: Path) -> None:
    since = datetime.now(UTC).strftime(FORMATS[-1])  # what other tests sent before is left alone
    with running(tmp_path / "streams.log", "-c", STREAMS) as streams:
        send(own_lake.kafka, REVIEWS, a_review_of("first"), key="order_id")
        until(lambda: has_all(own_lake), "what others sent has come", streams)
        before = balance(own_lake)

        def holds(**places: int) -> None:
            """Check that every record is in one place, and how many of this run's are in some."""
            found = balance(own_lake)
            assert found.holds, found
            assert {name: getattr(found, name) - getattr(before, name) for name in places} == places

        good = a_review_of("good")
        away = [a_review_of("away", timedelta(hours=2)), a_review_of("far", timedelta(days=400))]
        send(own_lake.kafka, REVIEWS, good, good, {**good, "title": "other"}, *away, away[0], key="order_id")
        until(lambda: has_all(own_lake), "all has come", streams)
        holds(silver=1, duplicates=1, conflicts=1, quarantined=3)

        killed("quarantine_replay.before_append", since)
        holds(silver=1, duplicates=1, conflicts=1, quarantined=3)
        killed("quarantine_replay.after_append", since)
        holds(silver=3, duplicates=2, conflicts=1, quarantined=0, doubled=0)
        assert returned_again(since) == [0, 1]
        holds(silver=4, duplicates=2, conflicts=0, quarantined=0, doubled=0)
        rows = silver()
        assert {name.partition("#")[0] for name in rows} == {"first", "good", "away", "far"}
        assert sorted(row["title"] or "" for name, row in rows.items() if name.startswith("good")) == ["", "other"]
        assert all(rows[name]["event_at"] == rows[name]["kafka_at"] for name in ("away", "far"))
        assert rows["far"]["event_at_given_us"] == round(away[1]["event_at"].timestamp() * 1e6)

    shown = json.loads(finished("jobs/tasks/quarantine.py", "--topic", REVIEWS, "--json").stdout)
    assert not [each for each in shown if each["reason"] == AHEAD and RUN in str(each)]
