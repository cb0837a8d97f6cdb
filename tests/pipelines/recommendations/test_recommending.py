"""A batch of clicks becomes lists; killed anywhere and run again it becomes the same lists and
sessions (real store).
"""

import os
import pickle
import signal
import subprocess
import sys
import uuid
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from builders import at
from click_batches import SESSIONS, clicks
from hypothesis import given, settings
from hypothesis import strategies as st
from recommenders import a_packed_recommender, chosen, recommending_with
from structlog.testing import capture_logs
from valkey_server import ValkeyServer, a_valkey_server

from pipelines.base.arrays import Records
from pipelines.base.errors import CheckpointError, ServiceUnreachable
from pipelines.base.paths import ROOT
from pipelines.online_store import client as valkey_client
from pipelines.online_store.client import Client
from pipelines.online_store.two_version_records import Batch
from pipelines.recommendations import recommending
from pipelines.recommendations.features.session import EVENTS, product_hashes
from pipelines.recommendations.recommending import InUse, recommend_batch
from pipelines.recommendations.store import RecommendationStore, StoredList

pytestmark = pytest.mark.programs

QUERY = str(uuid.UUID(int=1))
AWAITED_S = 10.0
Lists = dict[str, dict[str, str]]


def by_event(lists: pa.Table) -> Lists:
    """Return the lists by event id, without the moment they were made."""
    return {row["event_id"]: {k: repr(v) for k, v in row.items() if k != "recommended_at"} for row in lists.to_pylist()}


def recommended(store: RecommendationStore, table: pa.Table, batch: int = 0, using: InUse | None = None, **changes: object):
    """Return the rows of one batch."""
    made = recommend_batch(table, Batch(QUERY, batch), store, using or recommending_with(), chosen(**changes))
    return made.to_pylist()


def test_every_click_gets_one_list_with_its_reasons_model_and_variant(store):
    first, second = recommended(store, clicks(0, 3, product_id="p4"))
    assert [first["event_id"], second["event_id"]] == ["recommendation-e0", "recommendation-e3"]
    assert first["products"][0] == "p5", "which always comes next"
    assert "p4" not in first["products"]
    assert first["reasons"][0].endswith("p4")
    assert len(first["products"]) == len(first["scores"]) == len(first["reasons"]) == len(first["teams"]) == 5
    assert (first["session_id"], first["visitor_id"], first["event_at"]) == ("session0", "visitor0", at(0))
    assert (first["model_name"], first["model_version"], first["variant"]) == ("recommendations", "1", "session")
    assert (first["clicks"], second["clicks"]) == (1, 2)
    assert (first["degraded"], first["late"], first["unknown_products"]) == (False, False, 0)


def test_the_store_holds_the_newest_list_of_each_session_for_some_time(store):
    made = recommend_batch(clicks(0, 1, 3), Batch(QUERY, 0), store, recommending_with(), chosen())
    rows = {row["session_id"]: row for row in made.to_pylist()}
    found = dict(zip(SESSIONS, store.peek(SESSIONS, "recommendations").lists, strict=True))
    assert found["session2"] is None
    for session_id, row in rows.items():
        assert found[session_id].products == row["products"]
        assert found[session_id].event_id == row["event_id"]
        assert found[session_id].variant == row["variant"]
    assert 0 < store.client.reader.ttl("recommended:session0") <= 7200
    assert 0 < store.client.reader.ttl("session:1:session0") <= 7200


def test_what_is_in_the_cart_bought_or_unavailable_is_not_recommended_and_counted(store):
    (row,) = recommended(store, clicks(0, product_id="p1", action="add_to_cart"))
    assert "p1" not in row["products"]
    store.write_unavailable(product_hashes(["p5", "p6"]), known_us=1)
    (row,) = recommended(store, clicks(3, product_id="p4"), 1)
    assert not {"p1", "p5", "p6"} & set(row["products"])
    assert row["left_out"][1] == 2


def test_each_visitor_sees_the_list_of_the_variant_and_nothing_where_that_is_none(store):
    for number, variant in enumerate(("session", "popular", "interleaved", "none")):
        (row,) = recommended(store, clicks(0, product_id="p7", session_id=variant), number, variants={variant: 1.0})
        assert row["variant"] == variant
        assert set(row["teams"]) <= {"session", "popular"}
        if variant == "popular":
            assert row["fallback"] == "trending"
        if variant == "none":
            assert (row["products"], row["scores"], row["reasons"], row["teams"]) == ([], [], [], [])
        else:
            assert row["products"]


def test_without_a_model_lists_are_empty_and_marked_and_sessions_go_on(store):
    using = recommending_with(None)
    (row,) = recommended(store, clicks(0), 0, using)
    assert (row["products"], row["model_version"], row["model_built_at"]) == ([], None, None)
    assert (row["fallback"], row["degraded"], row["unknown_products"]) == ("trending", True, 1)
    store.models.publish(a_packed_recommender("2"))
    (row,) = recommended(store, clicks(3), 1, using)
    assert (row["clicks"], row["degraded"], row["model_version"]) == (2, False, "2")
    assert row["products"]


def test_an_index_of_another_catalogue_knows_no_product_and_says_what_is_trending(store):
    store.models.publish(a_packed_recommender("9", prefix="q"))
    first, second = recommended(store, clicks(0, 3))
    assert (first["unknown_products"], second["unknown_products"]) == (1, 2)
    assert first["fallback"] == "trending"
    assert all(product.startswith("q") for product in first["products"])


def test_products_that_are_unknown_or_none_at_all_cost_nothing_but_a_counter(store):
    unknown, none = recommended(store, pa.concat_tables([clicks(0, product_id="p999"), clicks(3, product_id="undefined")]))
    assert (unknown["unknown_products"], none["unknown_products"]) == (1, 1)
    assert unknown["products"]
    assert none["clicks"] == 2


def test_ten_thousand_clicks_of_a_bot_leave_one_small_session(store):
    bot = clicks(*(3 * n for n in range(10_000)))
    made = recommend_batch(bot, Batch(QUERY, 0), store, recommending_with(), chosen(variants={"none": 1.0}))
    assert made["clicks"].to_pylist() == list(range(1, 10_001))
    assert len(store.client.reader.get("session:1:session0")) < 1000
    (row,) = recommended(store, clicks(0, event_id="next", event_at=at(60 * 29_997)), 1)
    assert (row["clicks"], len(row["products"])) == (10_001, 5)


def test_a_click_sent_twice_gets_one_list(store):
    assert [row["event_id"] for row in recommended(store, clicks(0, 3, 0))] == ["recommendation-e0", "recommendation-e3"]
    assert recommended(store, clicks(3), 1) == []


def test_a_click_that_comes_late_is_put_at_its_place_and_marked(store):
    rows = recommended(store, clicks(0, 6, 3))
    assert [row["late"] for row in rows] == [False, False, True]
    items = store.peek(["session0"], "recommendations").states["items"][0]
    assert items[:3].tolist() == product_hashes(["p0", "p3", "p6"]).tolist()


def test_clicks_without_a_session_each_get_a_list_and_leave_nothing(store):
    rows = recommended(store, clicks(0, 3, session_id="undefined"))
    assert [row["clicks"] for row in rows] == [1, 1]
    assert not store.client.reader.keys("session:*")
    assert not store.client.reader.keys("recommended:*")


def test_a_click_that_nobody_waits_for_any_more_gets_no_list_but_its_session_remembers_it(store):
    old, new = clicks(0, event_at=ago(4000)), clicks(3, event_at=ago(3000))
    rows = recommended(store, pa.concat_tables([old, new]), within_s=3600)
    assert [(row["event_id"], row["clicks"]) for row in rows] == [("recommendation-e3", 2)]


def test_sessions_of_a_long_past_do_not_fill_the_store(store):
    past, ended = clicks(0, event_at=ago(86_400)), clicks(1, event_at=ago(5_500))
    assert recommended(store, pa.concat_tables([past, ended, clicks(2, event_at=ago(5_300))]), within_s=3600) == []
    assert store.client.reader.keys("session:*") == [b"session:1:session2"]


def test_cutting_into_batches_changes_no_list(store):
    using = recommending_with()
    whole = recommend_batch(clicks(*range(12)), Batch(str(uuid.UUID(int=2)), 0), store, using, chosen())
    store.client.reader.flushall()
    cuts = [range(5), range(5, 6), range(6, 12)]
    parts = [recommend_batch(clicks(*cut), Batch(QUERY, i), store, using, chosen()) for i, cut in enumerate(cuts)]
    assert by_event(pa.concat_tables(parts)) == by_event(whole)


@dataclass(frozen=True)
class Delivery:
    """Clicks, by number, in order of arrival, some late, some twice, cut into batches; and whose
    sessions each batch had written when it died and was done again: all of them when it died at the
    very end, none when it did not die.
    """

    batches: list[list[int]]
    written: list[set[str]]

    @property
    def arrived(self) -> list[int]:
        return [number for batch in self.batches for number in batch]


@st.composite
def deliveries(draw: st.DrawFn) -> Delivery:
    """Draw a delivery of at most as many clicks a session as its state remembers events."""
    batches = draw(st.lists(st.lists(st.integers(0, 3 * EVENTS - 1), min_size=1, max_size=8), min_size=1, max_size=5))
    return Delivery(batches, [draw(st.sets(st.sampled_from(SESSIONS))) for _ in batches])


class Dying(RecommendationStore):
    """A store that keeps of what is written only the sessions of `written`."""

    written: Collection[str] = ()

    def write(
        self, session_ids: list[str], before: Records, after: Records, batch: Batch, lists: Mapping[str, StoredList]
    ) -> None:
        some = [i for i, session_id in enumerate(session_ids) if session_id in self.written]
        super().write([session_ids[i] for i in some], before[some], after[some], batch, lists)


@pytest.fixture(scope="module")
def lasting_stores() -> Iterator[tuple[RecommendationStore, Dying]]:
    """An online store for many examples, and the same for batches that die."""
    with a_valkey_server() as server, Client(server.settings) as client:
        yield RecommendationStore(client, 7200), Dying(client, 7200)


@settings(max_examples=50)
@given(deliveries())
def test_any_batches_and_deaths_give_the_lists_and_sessions_of_one_batch_and_of_one_click_at_a_time(lasting_stores, delivery):
    (store, dying), using = lasting_stores, recommending_with()
    variants = chosen(variants={"session": 1.0, "interleaved": 1.0, "popular": 1.0})

    def made(numbers: list[int], batch: int, written_to: RecommendationStore = store) -> Lists:
        return by_event(recommend_batch(clicks(*numbers), Batch(QUERY, batch), written_to, using, variants))

    def delivered(batches: list[list[int]], written: list[set[str]]) -> tuple[Lists, bytes, list[list[str] | None]]:
        store.client.reader.flushall()
        lists: Lists = {}
        for number, (batch, dying.written) in enumerate(zip(batches, written, strict=True)):
            lost = made(batch, number, dying)
            again = made(batch, number)
            assert again == lost
            assert not lists.keys() & again.keys()
            lists |= again
        left = store.peek(SESSIONS, "recommendations")
        return lists, left.states.tobytes(), [each and each.products for each in left.lists]

    expected = delivered([delivery.arrived], [set()])
    assert delivered([[number] for number in delivery.arrived], [set()] * len(delivery.arrived)) == expected
    assert delivered(delivery.batches, delivery.written) == expected


def test_without_the_store_lists_are_made_of_the_clicks_alone_and_marked(store, hasty_store, server):
    using = recommending_with()
    recommend_batch(clicks(0), Batch(QUERY, 0), store, using, chosen())
    server.freeze()
    (row,) = recommend_batch(clicks(3), Batch(QUERY, 1), hasty_store, using, chosen()).to_pylist()
    assert (row["degraded"], row["clicks"]) == (True, 1)
    assert row["products"]
    server.thaw()
    (row,) = recommend_batch(clicks(6), Batch(QUERY, 2), store, using, chosen()).to_pylist()
    assert (row["degraded"], row["clicks"]) == (False, 2)


def test_lists_of_clicks_that_the_store_does_not_take_in_are_marked(store, server):
    server.client.execute_command("ACL SETUSER default -mset")
    (row,) = recommended(store, clicks(0))
    assert row["degraded"]
    server.client.execute_command("ACL SETUSER default +mset")
    (row,) = recommended(store, clicks(3), 1)
    assert (row["degraded"], row["clicks"]) == (False, 1)


def test_a_published_model_takes_over_at_the_next_batch_and_a_bad_one_does_not(store):
    using = recommending_with()
    versions = []
    published = [None, a_packed_recommender("2"), a_packed_recommender("3", sha256="0" * 64), a_packed_recommender("4")]
    for number, packed in enumerate(published):
        if packed:
            store.models.publish(packed)
        versions += [row["model_version"] for row in recommended(store, clicks(number), number, using)]
    assert versions == ["1", "2", "2", "4"]


def test_what_is_cut_off_and_goes_on_writes_and_sends_nothing_of_a_batch_that_others_have_passed(store, server, monkeypatch):
    using = recommending_with()
    recommend_batch(clicks(0, 1), Batch(QUERY, 0), store, using, chosen())

    def meanwhile(place: str) -> None:
        monkeypatch.setattr(recommending, "reach", lambda place: None)
        recommend_batch(clicks(2, 3), Batch(QUERY, 1), store, using, chosen())
        recommend_batch(clicks(4, 6), Batch(QUERY, 2), store, using, chosen())

    monkeypatch.setattr(recommending, "reach", meanwhile)
    with capture_logs() as logs, pytest.raises(CheckpointError, match=r"Batch 1 .* came late"):
        recommend_batch(clicks(2, 3), Batch(QUERY, 1), store, using, chosen())
    assert [line["batch"] for line in logs if line["event"] == "batch_came_late"] == [1]
    left = all_values(server)
    store.client.reader.flushall()
    for number, batch in enumerate([(0, 1), (2, 3), (4, 6)]):
        recommend_batch(clicks(*batch), Batch(QUERY, number), store, using, chosen())
    assert all_values(server) == left


def ago(seconds: float) -> datetime:
    return datetime.now(UTC) - timedelta(seconds=seconds)


@pytest.fixture
def quick_to_give_up(server: ValkeyServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[RecommendationStore]:
    """The online store, given up as soon when writing as when reading."""
    monkeypatch.setattr(valkey_client, "WRITING_TIMEOUT_S", 0.1)
    with Client(server.settings.model_copy(update={"timeout_s": 0.1})) as client:
        yield RecommendationStore(client, 7200)


@pytest.mark.parametrize("place", ["before the reading", "after_session_read"])
def test_a_batch_that_nobody_waits_for_is_done_again_exactly_when_the_store_is_back(
    place, server, store, quick_to_give_up, monkeypatch
):
    def made(number: int, into: RecommendationStore) -> Lists:
        batch = Batch(QUERY, number)
        return by_event(recommend_batch(clicks(*BATCHES[number]), batch, into, recommending_with(), chosen(), AWAITED_S))

    expected = [made(number, store) for number in range(3)]
    values = all_values(server)
    store.client.reader.flushall()
    made(0, store)
    with monkeypatch.context() as patch:
        patch.setattr(recommending, "reach", lambda reached: server.freeze() if reached == place else None)
        recommending.reach("before the reading")
        with pytest.raises(ServiceUnreachable, match="session states"):
            made(1, quick_to_give_up)
    server.thaw()
    assert [made(number, store) for number in (1, 2)] == expected[1:]
    assert all_values(server) == values


BATCHES = [range(6), range(6, 13), range(13, 20)]


def play(store: RecommendationStore, folder: Path) -> None:
    """Be the streaming engine: run each batch that is not committed yet, append its lists, then
    commit it.
    """
    using = recommending_with()
    for number, batch in enumerate(BATCHES):
        if not (folder / f"commit-{number}").exists():
            lists = recommend_batch(clicks(*batch), Batch(QUERY, number), store, using, chosen())
            recommending.reach(f"before_output_{number}")
            pq.write_table(lists, folder / f"lists-{number}-{os.getpid()}.parquet")
            recommending.reach(f"after_output_{number}")
            (folder / f"commit-{number}").touch()


def lists_in(folder: Path) -> Lists:
    """Return what readers of the topic keep, the first list of each event id, and check that copies
    are equal.
    """
    first: Lists = {}
    for file in sorted(folder.glob("lists-*")):
        for event_id, row in by_event(pq.read_table(file)).items():
            assert first.setdefault(event_id, row) == row
    return first


def all_values(server: ValkeyServer) -> dict[bytes, object]:
    """Return every session and every list, without the moment it was made."""
    client = server.client
    states = {key: client.get(key) for key in client.keys("session:*")}
    lists = {key: StoredList.of_bytes(client.get(key)) for key in client.keys("recommended:*")}
    return {**states, **{key: vars(found) | {"recommended_us": 0} for key, found in lists.items() if found}}


@pytest.mark.parametrize("place", ["after_session_read", "after_session_write", "before_output_1", "after_output_1"])
def test_dying_anywhere_gives_the_lists_and_sessions_of_never_dying(place, server, store, tmp_path):
    calm, killed = tmp_path / "calm", tmp_path / "killed"
    for folder in (calm, killed):
        folder.mkdir()
    play(store, calm)
    expected = all_values(server)
    assert len(expected) == 2 * len(SESSIONS)
    store.client.reader.flushall()
    play_in_child(server, killed, place, expected=-signal.SIGKILL)
    play(store, killed)
    assert lists_in(killed) == lists_in(calm)
    assert all_values(server) == expected


def play_in_child(server: ValkeyServer, folder: Path, kill_point: str, expected: int) -> None:
    """Play in a process that kills itself at `kill_point`."""
    program = (
        "import pickle, sys; from pathlib import Path; import test_recommending as t\n"
        "from pipelines.recommendations.store import RecommendationStore\nfrom pipelines.online_store.client import Client\n"
        f"t.play(RecommendationStore(Client(pickle.load(sys.stdin.buffer)), 7200), Path({str(folder)!r}))"
    )
    here = Path(__file__).parent
    paths = os.pathsep.join([str(here), str(ROOT / "tests" / "support"), str(ROOT)])
    environment = {**os.environ, "TIDEMARK_KILL_POINT": kill_point, "PYTHONPATH": paths}
    address = pickle.dumps(server.settings)
    child = subprocess.run([sys.executable, "-c", program], input=address, env=environment, check=False)
    assert child.returncode == expected


def test_the_lists_have_the_columns_of_the_topic_in_their_order(store):
    made = recommend_batch(clicks(0), Batch(QUERY, 0), store, recommending_with(), chosen())
    assert made.column_names == recommending.NAMES
    assert recommend_batch(clicks(0), Batch(QUERY, 1), store, recommending_with(), chosen()).schema == made.schema
    assert np.array(made["scores"][0].as_py()).max() <= 1
