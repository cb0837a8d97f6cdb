"""The tables made of clicks and exposures: however visits come, in whatever batches, and whichever
batch is done twice, a stream gives what a recomputation gives.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from builders import a_click, an_exposure, at
from number_tables import run
from pyspark.sql import SparkSession
from silver_rows import Event, append, rows

from jobs.streams import aggregate
from pipelines.base.settings import settings
from pipelines.gold import exposure_counts, item_trends, recommendation_outcomes, sessions
from pipelines.gold.aggregating import Gold
from pipelines.lake import catalog
from pipelines.operations.recomputing import recompute, recomputed
from pipelines.silver import clicks, exposures
from pipelines.streaming.checkpoints import Checkpoint

GOLD: tuple[Gold, ...] = (sessions, item_trends, exposure_counts, recommendation_outcomes)
TABLES = (clicks.TABLE, exposures.TABLE, *(gold.TABLE for gold in GOLD))
ACTIONS = ("view", "view", "add_to_cart", "remove_from_cart", "purchase", "compare")
PRODUCTS = [f"p{number}" for number in range(8)]
HOUR, LATE_BY_S = 3_600, 500  # less than any lateness
SILENCE, LATENESS = timedelta(minutes=30), timedelta(minutes=10)


@pytest.fixture(autouse=True)
def _new_tables(spark: SparkSession, own_settings: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for gold in GOLD:
        for name, value in {"TRIGGER": "0 seconds", "ROWS_PER_BATCH": "60", "COMPACT_EVERY": "3"}.items():
            monkeypatch.setenv(f"TIDEMARK_STREAMS__{gold.TABLE.name.upper()}__{name}", value)
    settings.cache_clear()
    for table in TABLES:
        spark.sql(f"DROP TABLE IF EXISTS {table.name}")
        catalog.ensure(spark, table)
    yield
    for table in TABLES:
        spark.sql(f"DROP TABLE {table.name}")


def visits(chance: Random, count: int) -> list[tuple[float, bool, Event]]:
    """Draw clicks, and lists shown: each with the second in which it arrives, some late, and
    whether it is a click.
    """
    drawn: list[tuple[float, bool, Event]] = []
    lists: dict[str, str] = {}  # of a session, one of those that came or come
    for number in range(count):
        happened, session = chance.randrange(4 * HOUR), f"v{chance.randrange(12)}"
        who = {"session_id": session, "visitor_id": f"w{session}", "event_at": at(happened)}
        what = {"product_id": chance.choice(PRODUCTS), "action": chance.choice(ACTIONS), "exposure_id": lists.get(session)}
        click = a_click(event_id=f"c{number}", **what, **who)
        shown = an_exposure(event_id=f"x{number}", products=chance.sample(PRODUCTS, chance.randrange(4)), **who)
        is_click = chance.random() < 0.7
        if not is_click:
            lists[session] = f"x{number}"
        drawn.append((happened + chance.choice((0, chance.randrange(LATE_BY_S))), is_click, click if is_click else shown))
    return sorted(drawn, key=lambda each: each[0])


def arrive(spark: SparkSession, arrived: Sequence[tuple[float, bool, Event]]) -> None:
    append(spark, clicks.TABLE, *(event for _, is_click, event in arrived if is_click))
    append(spark, exposures.TABLE, *(event for _, is_click, event in arrived if not is_click))


def next_batch(spark: SparkSession, newest: datetime) -> None:
    """Have one more batch, of a click by nobody: what earlier batches have ended comes with it."""
    append(spark, clicks.TABLE, a_click(event_id="next", session_id="nobody", product_id="none", event_at=newest))


def forget_last_commit(spark: SparkSession, gold: Gold) -> None:
    """Leave a checkpoint as a query does that is killed between a merge and its commit."""
    last = Checkpoint(spark, gold.TABLE.name).numbers("commits")[-1]
    for name in (f"{last}", f".{last}.crc"):
        (Path(settings().checkpoints.path) / gold.TABLE.name / "commits" / name).unlink()


def sessions_by_hand(clicked: Sequence[Event]) -> set[tuple[Any, ...]]:
    """Return session, beginning and products of each session that has ended, by looking at one
    click after the other.
    """
    open_sessions: dict[str, list[Event]] = {}
    found: list[list[Event]] = []
    for click in sorted(clicked, key=lambda each: (each["event_at"], each["event_id"])):
        session = open_sessions.get(click["session_id"], [])
        if not session or click["event_at"] - session[-1]["event_at"] > SILENCE:
            session = []
            found.append(session)
            open_sessions[click["session_id"]] = session
        session.append(click)
    over = max(click["event_at"] for click in clicked) - SILENCE - LATENESS
    ended = [session for session in found if session[-1]["event_at"] <= over]
    return {(each[0]["session_id"], each[0]["event_at"], tuple(click["product_id"] for click in each)) for each in ended}


def outcomes_by_hand(clicked: Sequence[Event], shown: Sequence[Event]) -> set[tuple[str, str, str]]:
    """Return list, product and outcome of each pair of a list and a click that belong together."""
    words = {"add_to_cart": "carted", "purchase": "bought", "view": "viewed", "compare": "viewed"}
    return {
        (list_["event_id"], click["product_id"], outcome)
        for list_ in shown
        for click in clicked
        for outcome in (words.get(click["action"]), "clicked" if click["exposure_id"] == list_["event_id"] else None)
        if outcome and click["session_id"] == list_["session_id"] and click["product_id"] in list_["products"]
        if timedelta(0) <= click["event_at"] - list_["event_at"] <= SILENCE and click["action"] in words
    }


@pytest.mark.parametrize("seed", [2])
def test_a_stream_gives_what_a_recomputation_gives(spark: SparkSession, seed: int) -> None:
    came = visits(Random(seed), 300)  # noqa: S311 - no secret
    for part in (came[:100], came[100:220], came[220:]):
        arrive(spark, part)
        for gold in GOLD:
            run(aggregate.start(spark, gold))
            forget_last_commit(spark, gold)
    clicked, shown = ([event for _, is_click, event in came if is_click == wanted] for wanted in (True, False))
    next_batch(spark, max(event["event_at"] for event in clicked))
    for gold in GOLD:
        run(aggregate.start(spark, gold))
        streamed = rows(spark, gold.TABLE)
        assert streamed == sorted(map(str, recomputed(spark, gold).collect())), gold.TABLE.name
        assert len(streamed) > 10
    ended = catalog.fresh(spark, sessions.TABLE).collect()
    assert {(row["session_id"], row["started_at"].replace(tzinfo=UTC), (*row["products"],)) for row in ended} == (
        sessions_by_hand(clicked)
    )
    outcomes = catalog.fresh(spark, recommendation_outcomes.TABLE).select("exposure_id", "product_id", "outcome").collect()
    assert sorted(map(tuple, outcomes)) == sorted(expected := outcomes_by_hand(clicked, shown))
    assert "clicked" in {outcome for *_, outcome in expected}


def test_a_session_that_goes_on_after_a_recomputation_is_there_once_and_whole(spark: SparkSession) -> None:
    def clicked(number: int, minute: float) -> Event:
        return a_click(event_id=f"e{number}", event_at=at(60 * minute), session_id="other" if number > 3 else "v1")

    append(spark, clicks.TABLE, clicked(1, 0), clicked(2, 20))
    run(aggregate.start(spark, sessions))
    recompute(spark, sessions)
    append(spark, clicks.TABLE, clicked(3, 40), clicked(4, 90))
    run(aggregate.start(spark, sessions))
    next_batch(spark, at(90 * 60))
    run(aggregate.start(spark, sessions))
    [session] = catalog.fresh(spark, sessions.TABLE).collect()
    assert (session["session_id"], session["clicks"]) == ("v1", 3)


COUNTED = "spark.sql.streaming.stateStore.rocksdb.trackTotalNumberOfRows"


@pytest.fixture
def counted(spark: SparkSession) -> Iterator[None]:
    """Queries that count what they remember."""
    before = spark.conf.get(COUNTED)
    spark.conf.set(COUNTED, "true")
    yield
    spark.conf.set(COUNTED, before or "false")


@pytest.mark.usefixtures("counted")
def test_a_shop_that_shows_no_lists_is_not_remembered_for_ever(spark: SparkSession) -> None:
    for hour in range(6):
        names = (f"{hour} {n}" for n in range(20))
        clicked = (a_click(event_id=name, session_id=name, event_at=at(hour * HOUR)) for name in names)
        append(spark, clicks.TABLE, *clicked)
    next_batch(spark, at(5 * HOUR))
    query = aggregate.start(spark, recommendation_outcomes)
    try:
        query.processAllAvailable()
        remembered = [state["numRowsTotal"] for state in (query.lastProgress or {})["stateOperators"]]
    finally:
        query.stop()
    assert remembered == [62], "of 242 times that a click is in a session's hour"
