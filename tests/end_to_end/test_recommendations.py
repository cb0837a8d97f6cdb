"""Equal lists and sessions in three ways: clicks folded at once, a stream killed at each point, and
the API asked after each round.

The clicks come late, out of order and more than once, some of products that nobody knows.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pyarrow as pa
import pytest
from api_payments import KEY
from api_process import an_api
from builders import a_click
from click_batches import ACTIONS, CLICKS
from fraud_models import a_packed_model
from ids import NO_ID
from processes import running
from recommenders import a_packed_recommender
from topic_records import received, send
from valkey_server import PATIENCE_S
from waiting import until

from api.keys import HEADER
from pipelines.base.paths import located
from pipelines.base.settings import Settings, settings
from pipelines.contracts import schemas
from pipelines.kafka import schema_registry, topics
from pipelines.online_store.client import Client
from pipelines.recommendations import answers, rebuild_sessions
from pipelines.recommendations.features import click_records
from pipelines.recommendations.features.session import fold, new_sessions
from pipelines.recommendations.model import recommender
from pipelines.recommendations.model.lists import Rules
from pipelines.recommendations.store import RecommendationStore
from stack.ports import some_free

pytestmark = [pytest.mark.end_to_end, pytest.mark.filterwarnings("ignore")]  # MLflow's own

RUN = uuid4().hex
MODEL, FRAUD = f"recommendations-parity-{RUN}", f"fraud-parity-{RUN}"
SESSIONS = [f"{RUN}-{n}" for n in range(6)]
TOPIC, LISTS = "shop.clicks", "tidemark.recommendations"
OWN = {
    "TIDEMARK_FRAUD__MODEL_NAME": FRAUD,
    "TIDEMARK_RECOMMENDATIONS__MODEL_NAME": MODEL,
    "TIDEMARK_VALKEY__TIMEOUT_S": str(PATIENCE_S),
    "TIDEMARK_API__STORE_WITHIN_MS": str(PATIENCE_S * 1000),
}
SAME = ("products", "scores", "reasons", "teams", "fallback", "variant", "left_out", "clicks", "unknown_products", "late")
BEGAN = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=20)

Event = dict[str, Any]


def a_round(number: int) -> list[Event]:
    """Build a round of clicks: two a session, the later one first in every other session, one on a
    product that nobody knows.
    """
    made = []
    for i, session_id in enumerate(SESSIONS):
        for j in (1, 0) if i % 2 else (0, 1):
            n = number * 20 + i * 2 + j
            made.append(
                a_click(
                    event_id=f"{RUN}-e{n}",
                    event_at=BEGAN + timedelta(seconds=60 * number + 10 * j),
                    session_id=session_id,
                    visitor_id=f"{RUN}-visitor{i}",
                    product_id="nobody-knows-it" if n % 11 == 3 else f"p{n * 5 % 12}",
                    action=ACTIONS[n % 7],
                )
            )
    return made


@dataclass(frozen=True)
class Left:
    """What a death has left: how many clicks of the batch under way have lists in the topic, and
    whether a session is new in the store.
    """

    listed: int
    changed: bool


@dataclass
class Stream:
    """The recommender's process and its topics."""

    chosen: Settings
    folder: Path
    store: RecommendationStore
    since: dict[int, int]
    arrived: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.log, self.kill_points = self.folder / "recommender.log", self.folder / "kill-points"
        self.kill_points.mkdir()

    @contextmanager
    def recommender(self) -> Iterator[Any]:
        """Run the recommender, and kill -9 it at the end: driver, Java and workers."""
        with running(self.log, "jobs/streams/recommend.py", **OWN, TIDEMARK_KILL_POINT=str(self.kill_points)) as job:
            yield job

    def failures(self) -> int:
        return self.log.read_text().count('"query_failed"')

    def send(self, *events: Event) -> None:
        send(self.chosen.kafka, TOPIC, *events, key="session_id")
        self.arrived += events

    def lists(self) -> list[Event]:
        """Return the lists of this run, in the topic's order."""
        found = received(self.chosen.kafka, LISTS, self.since)
        return [each.event for each in found if each.event["visitor_id"].startswith(RUN)]

    def listed(self) -> set[str]:
        return {each["event_id"].removeprefix("recommendation-") for each in self.lists()}

    def all_listed(self) -> bool:
        return self.listed() == {each["event_id"] for each in self.arrived}

    def states(self) -> bytes:
        """Return the states that each session was last left in."""
        return self.store.peek(SESSIONS, MODEL).states.tobytes()

    def dies(self, sent: list[Event], job: Any) -> dict[str, Left]:
        """Send clicks on which workers die, first at one place, then at the next, and return what
        each death leaves.
        """
        new, before = {each["event_id"] for each in sent} - self.listed(), self.states()

        def left() -> Left:
            return Left(len(new & self.listed()), self.states() != before)

        place, next_place = (self.kill_points / name for name in ("after_session_read", "after_session_write"))
        place.touch()
        failures = self.failures()
        self.send(*sent)
        until(lambda: self.failures() > failures, f"a worker has died {place.name}", job)
        found, failures = {place.name: left()}, self.failures()
        place.rename(next_place)  # at once: no worker gets past both
        until(lambda: self.failures() > failures and left().changed, f"a worker has died {next_place.name}", job)
        return {**found, next_place.name: left()}

    @contextmanager
    def without_commits(self) -> Iterator[None]:
        """Let no batch be committed, because a file lies where the commits belong, and no worker
        die.
        """
        commits = Path(located(settings().checkpoints.path)) / LISTS / "commits"
        moved = commits.rename(commits.with_name("commits-kept"))
        commits.write_text("in the way")  # an empty one would be taken for what a power cut leaves
        (self.kill_points / "after_session_write").unlink()
        try:
            yield
        finally:
            commits.unlink()
            moved.rename(commits)


@dataclass(frozen=True)
class Story:
    """All that was lived through."""

    stream: Stream
    lists: list[Event]
    left: dict[str, Left]
    answered: dict[str, Event]


@pytest.fixture(scope="module")
def story(local_stack: Settings, tmp_path_factory: pytest.TempPathFactory) -> Story:
    """Live through it once: clicks before there is a model, calm rounds, one whose batch dies at
    every point, and one after it.
    """
    schema_registry.register_contracts()
    topics.create_missing(local_stack.kafka, schemas.topics())
    folder = tmp_path_factory.mktemp("recommendations")
    client = Client(local_stack.valkey.model_copy(update={"timeout_s": PATIENCE_S}))
    store = RecommendationStore(client, settings().recommendations.kept_s)
    store.models.publish(a_packed_recommender("1", name=MODEL))
    store.models.publish(a_packed_model("1", name=FRAUD))  # without which no API is ready
    stream = Stream(local_stack, folder, store, topics.end_offsets(local_stack.kafka, LISTS))
    first, calm, dying, last = (a_round(number) for number in range(4))
    answered: dict[str, Event] = {}
    stream.send(*first, first[2])
    with ExitStack() as beside:
        with stream.recommender() as job:
            port = {"TIDEMARK_API__PORT": str(some_free(1)[0])}
            _, url = beside.enter_context(an_api(folder / "api.log", {**OWN, **port}))
            asking = beside.enter_context(httpx.Client(base_url=url, headers={HEADER: KEY}, timeout=PATIENCE_S))
            until(stream.all_listed, "the first round has lists", job)
            stream.send(*calm, calm[0])
            until(stream.all_listed, "the calm round has lists", job)
            answered |= {f"{session_id} calm": ask(asking, session_id) for session_id in SESSIONS}
            left = stream.dies([*dying[:5], dying[1], *dying[5:], calm[3]], job)
        with stream.without_commits(), stream.recommender() as job:
            failures = stream.failures()
            until(lambda: stream.failures() > failures, "the commit has failed", job)
        with stream.recommender() as job:
            until(stream.all_listed, "the round that died has lists", job)
            stream.send(*last)
            until(stream.all_listed, "all clicks have lists", job)
            answered |= {f"{session_id} last": ask(asking, session_id) for session_id in SESSIONS}
    return Story(stream, stream.lists(), left, answered)


def ask(client: httpx.Client, session_id: str) -> Event:
    """Return what the API recommends in a session."""
    answer = client.get(f"/v1/sessions/{session_id}/recommendations", params={"n": settings().recommendations.count})
    assert answer.is_success, answer.text
    return dict(answer.json())


def first_of_each(lists: list[Event]) -> dict[str, Event]:
    """Return the list of each click that counts: the first."""
    first: dict[str, Event] = {}
    for each in lists:
        first.setdefault(each["event_id"], each)
    return first


def folded(arrived: list[Event]) -> dict[str, Event]:
    """Return the list of each click, of all clicks folded at once."""
    clicked = pa.Table.from_pylist(arrived, CLICKS)
    came = click_records.keyed(clicked, NO_ID)
    after, _, repeated = fold(new_sessions(len(came.session_ids)), came.session, came.records)
    model, chosen = recommender.load(a_packed_recommender("1", name=MODEL)), settings().recommendations
    fresh = clicked.filter(pa.array(~repeated))
    made = answers.answers(
        fresh,
        after[~repeated],
        came.records[~repeated],
        model,
        Rules(chosen.most_of_a_seller, frozenset(chosen.repeat_categories)),
        chosen,
    )
    first: dict[str, Event] = {}
    for each in made.to_pylist():
        first.setdefault(each["event_id"], each)
    return first


def test_the_stream_gives_the_lists_of_the_batch_fold(story: Story) -> None:
    expected, streamed = folded(story.stream.arrived), first_of_each(story.lists)
    assert {name: {key: each[key] for key in SAME} for name, each in streamed.items()} == {
        name: {key: each[key] for key in SAME} for name, each in expected.items()
    }
    assert any(each["products"] for each in streamed.values())
    assert not any(each["degraded"] for each in story.lists)
    assert {each["model_version"] for each in story.lists} == {"1"}


def test_the_clicks_were_as_awkward_as_announced(story: Story) -> None:
    lists = first_of_each(story.lists).values()
    assert {each["late"] for each in lists} == {True, False}
    assert max(each["unknown_products"] for each in lists) > 0
    assert len({each["variant"] for each in lists}) > 1


def test_sessions_are_left_in_the_states_of_the_batch_fold(story: Story) -> None:
    session_ids, states = rebuild_sessions.folded([pa.Table.from_pylist(story.stream.arrived, CLICKS)])
    assert story.stream.states() == states[[session_ids.index(each) for each in SESSIONS]].tobytes()


def test_the_store_holds_the_last_list_of_each_session(story: Story) -> None:
    streamed = {each["session_id"]: each for each in first_of_each(story.lists).values()}
    held = dict(zip(SESSIONS, story.stream.store.peek(SESSIONS, MODEL).lists, strict=True))
    assert {session_id: held[session_id].products for session_id in SESSIONS} == {
        session_id: streamed[session_id]["products"] for session_id in SESSIONS
    }


def test_the_api_gives_the_list_of_the_session_s_last_click(story: Story) -> None:
    expected = folded(story.stream.arrived)
    last = {each["session_id"]: each for each in expected.values()}
    for session_id in SESSIONS:
        answer = story.answered[f"{session_id} last"]
        assert [each["product_id"] for each in answer["products"]] == last[session_id]["products"]
        assert [each["reason"] for each in answer["products"]] == last[session_id]["reasons"]
        assert (answer["variant"], answer["fallback"]) == (last[session_id]["variant"], last[session_id]["fallback"])
    assert any(story.answered[f"{each} calm"] != story.answered[f"{each} last"] for each in SESSIONS)


def test_the_recommender_died_at_every_point_of_a_batch(story: Story) -> None:
    assert story.left["after_session_read"] == Left(listed=0, changed=False)
    assert story.left["after_session_write"] == Left(listed=0, changed=True)


def test_what_was_listed_again_is_the_same_list(story: Story) -> None:
    first, times = first_of_each(story.lists), Counter(each["event_id"] for each in story.lists)
    assert max(times.values()) > 1
    for each in story.lists:
        assert {name: each[name] for name in SAME} == {name: first[each["event_id"]][name] for name in SAME}
