"""A batch of payments becomes scores; killed anywhere and run again it becomes the same scores and
states (real store).
"""

import math
import os
import pickle
import signal
import subprocess
import sys
import uuid
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from builders import at
from fraud_models import BLANK, a_blank_booster, a_packed_model, a_policy, a_serving, deciding
from hypothesis import given, settings
from hypothesis import strategies as st
from payment_batches import payments
from structlog.testing import capture_logs
from valkey_server import ValkeyServer, a_valkey_server

from pipelines.base.arrays import Records
from pipelines.base.errors import CheckpointError, ServiceUnreachable
from pipelines.base.paths import ROOT
from pipelines.fraud import scoring
from pipelines.fraud.features.card_state import EVENTS
from pipelines.fraud.features.device_state import DEVICE_FEATURES
from pipelines.fraud.features.feature_set import FEATURE_NAMES, FEATURE_SET
from pipelines.fraud.features.fold import States
from pipelines.fraud.features.payment_records import Keys
from pipelines.fraud.features.seller_state import SELLER_RECORD
from pipelines.fraud.scoring import score_batch
from pipelines.fraud.store import FraudStore
from pipelines.online_store import client as valkey_client
from pipelines.online_store.client import Client
from pipelines.online_store.two_version_records import Batch

pytestmark = pytest.mark.programs

QUERY = str(uuid.UUID(int=1))


CARDS, DEVICES = ["card0", "card1", "card2"], ["device0", "device1"]  # of payment_batches
Scores = dict[str, dict[str, str]]


def by_event(scores: pa.Table) -> Scores:
    """Return the scores by event id, without the moment they were made."""
    return {row["event_id"]: {k: repr(v) for k, v in row.items() if k != "scored_at"} for row in scores.to_pylist()}


def test_every_payment_gets_one_score_with_its_decision_reasons_and_what_the_model_saw(store):
    scores = score_batch(payments(0, 1, 4), Batch(QUERY, 0), store, a_serving("7")).to_pylist()
    assert [row["event_id"] for row in scores] == ["score-e0", "score-e1", "score-e4"]
    assert [row["decision"] for row in scores] == ["approve", "approve", "decline"]
    cheap, _, dear = scores
    assert cheap["reasons"] == []
    assert dear["reasons"][0].startswith("amount of this payment: 1000")
    assert dear["features"][FEATURE_NAMES.index("payments_before")] == 1
    assert (dear["payment_id"], dear["card_id"], dear["event_at"], dear["currency"]) == ("p4", "card1", at(240), "BRL")
    assert (dear["feature_set"], dear["model_name"], dear["model_version"]) == (FEATURE_SET, "fraud", "7")
    assert not dear["degraded"]


def test_features_hold_what_is_known_of_the_seller_and_nothing_where_the_store_is_away(store, hasty_store, server):
    known = np.zeros(1, SELLER_RECORD)
    known["after"]["run_frauds"] = 4
    store.write_sellers([payments(0)["seller_id"][0].as_py()], known)
    run = FEATURE_NAMES.index("seller_run_frauds")
    (row,) = score_batch(payments(0), Batch(QUERY, 0), store, a_serving()).to_pylist()
    assert row["features"][run] == 4
    server.freeze()
    (row,) = score_batch(payments(3), Batch(QUERY, 1), hasty_store, a_serving()).to_pylist()
    assert math.isnan(row["features"][run])


def test_the_middle_is_reviewed(store):
    careful = a_serving(booster=deciding(a_policy(review_at=1e-6, decline_at=1.0)))
    (row,) = score_batch(payments(4), Batch(QUERY, 0), store, careful).to_pylist()
    assert row["decision"] == "review"
    assert row["reasons"]


def test_a_payment_that_comes_after_a_later_one_of_its_card_is_flagged_also_in_another_batch(store):
    first = score_batch(payments(0, 1, 6, 3), Batch(QUERY, 0), store, a_serving()).to_pylist()
    second = score_batch(payments(4, 9, 5, 12), Batch(QUERY, 1), store, a_serving()).to_pylist()
    late = {row["payment_id"]: row["late"] for row in [*first, *second]}
    assert late == {"p0": False, "p1": False, "p6": False, "p3": True, "p4": False, "p9": False, "p5": False, "p12": False}
    (row,) = score_batch(payments(7, 10), Batch(QUERY, 2), store, a_serving()).to_pylist()[:1]
    assert not row["late"]
    (row,) = score_batch(payments(8, event_at=at(1)), Batch(QUERY, 3), store, a_serving()).to_pylist()
    assert row["late"]


def test_cutting_into_batches_changes_no_score(store):
    serving = a_serving()
    whole = score_batch(payments(*range(12)), Batch(str(uuid.UUID(int=2)), 0), store, serving)
    store.client.reader.flushall()
    cuts = [range(5), range(5, 6), range(6, 12)]
    parts = [score_batch(payments(*cut), Batch(QUERY, i), store, serving) for i, cut in enumerate(cuts)]
    assert by_event(pa.concat_tables(parts)) == by_event(whole)


@dataclass(frozen=True)
class Delivery:
    """Payments, by number, in order of arrival, some late, some twice, cut into batches; and whose
    states (cards, devices) each batch had written when it died and was done again: all of them when
    it died at the very end, none when it did not die.
    """

    batches: list[list[int]]
    written: list[set[str]]

    @property
    def arrived(self) -> list[int]:
        return [number for batch in self.batches for number in batch]


@st.composite
def deliveries(draw: st.DrawFn) -> Delivery:
    """Draw a delivery of at most as many payments a card as its state remembers."""
    batches = draw(st.lists(st.lists(st.integers(0, 3 * EVENTS - 1), min_size=1, max_size=8), min_size=1, max_size=5))
    return Delivery(batches, [draw(st.sets(st.sampled_from([*CARDS, *DEVICES]))) for _ in batches])


class Dying(FraudStore):
    """A store that keeps of what is written only the states of `written`."""

    written: Collection[str] = ()

    def write(self, keys: Keys, before: States, after: States, batch: Batch) -> None:
        paid, seen = ([i for i, name in enumerate(names) if name in self.written] for names in (keys.cards, keys.devices))
        some = Keys([keys.cards[i] for i in paid], [keys.devices[i] for i in seen], keys.sellers)
        super().write(some, *(States(each.cards[paid], each.devices[seen]) for each in (before, after)), batch)


@pytest.fixture(scope="module")
def lasting_stores() -> Iterator[tuple[FraudStore, Dying]]:
    """An online store for many examples, and the same for batches that die."""
    with a_valkey_server() as server, Client(server.settings) as client:
        yield FraudStore(client), Dying(client)


@settings(max_examples=50)
@given(deliveries())
def test_any_batches_and_deaths_give_the_scores_and_states_of_one_batch_and_of_one_payment_at_a_time(lasting_stores, delivery):
    (store, dying), serving = lasting_stores, a_serving()

    def scored(numbers: list[int], batch: int, written_to: FraudStore = store) -> Scores:
        return by_event(score_batch(payments(*numbers), Batch(QUERY, batch), written_to, serving))

    def delivered(batches: list[list[int]], written: list[set[str]]) -> tuple[Scores, bytes]:
        store.client.reader.flushall()
        scores: Scores = {}
        for number, (batch, dying.written) in enumerate(zip(batches, written, strict=True)):
            lost = scored(batch, number, dying)
            again = scored(batch, number)
            assert again == lost
            assert not scores.keys() & again.keys()
            scores |= again
        cards, devices = store.peek(Keys(CARDS, DEVICES, []), "fraud").known.states
        return scores, cards.tobytes() + devices.tobytes()

    expected = delivered([delivery.arrived], [set()])
    assert delivered([[number] for number in delivery.arrived], [set()] * len(delivery.arrived)) == expected
    assert delivered(delivery.batches, delivery.written) == expected


def test_a_payment_that_came_in_an_earlier_batch_is_not_scored_again(store):
    serving = a_serving()
    score_batch(payments(0, 1), Batch(QUERY, 0), store, serving)
    again = score_batch(payments(1, 3, 1), Batch(QUERY, 1), store, serving)
    assert again["event_id"].to_pylist() == ["score-e3"]


def test_a_batch_of_repeats_only_gives_no_rows_in_the_right_columns(store):
    first = score_batch(payments(0), Batch(QUERY, 0), store, a_serving())
    again = score_batch(payments(0), Batch(QUERY, 1), store, a_serving())
    assert len(again) == 0
    assert again.schema == first.schema


def test_without_the_store_payments_are_scored_from_what_they_say_and_marked(store, hasty_store, server):
    serving = a_serving()
    score_batch(payments(0), Batch(QUERY, 0), store, serving)
    server.freeze()
    (row,) = score_batch(payments(3), Batch(QUERY, 1), hasty_store, serving).to_pylist()
    assert row["degraded"]
    assert [row["features"][FEATURE_NAMES.index(name)] for name in ("payments_before", "device_cards_2d")] == [0, 0]
    server.thaw()
    (row,) = score_batch(payments(6), Batch(QUERY, 2), store, serving).to_pylist()
    assert not row["degraded"]
    assert row["features"][FEATURE_NAMES.index("payments_before")] == 1


def test_scores_of_payments_that_the_store_does_not_take_in_are_marked(store, server):
    serving = a_serving()
    score_batch(payments(0), Batch(QUERY, 0), store, serving)
    server.client.execute_command("ACL SETUSER default -mset")
    (row,) = score_batch(payments(3), Batch(QUERY, 1), store, serving).to_pylist()
    assert row["degraded"], "its card's state misses it from now on"
    assert row["features"][FEATURE_NAMES.index("payments_before")] == 1, "the score itself was made from the card's state"
    server.client.execute_command("ACL SETUSER default +mset")
    (row,) = score_batch(payments(6), Batch(QUERY, 2), store, serving).to_pylist()
    assert (row["degraded"], row["features"][FEATURE_NAMES.index("payments_before")]) == (False, 1)


def test_a_published_model_takes_over_at_the_next_batch_and_a_bad_one_does_not(store):
    serving = a_serving("1")
    versions = []
    for number, packed in enumerate([None, a_packed_model("2"), a_packed_model("3", sha256="0" * 64), a_packed_model("4")]):
        if packed:
            store.models.publish(packed)
        versions += score_batch(payments(number), Batch(QUERY, number), store, serving)["model_version"].to_pylist()
    assert versions == ["1", "2", "2", "4"]


def test_thresholds_change_with_the_model(store):
    serving = a_serving("1")
    score_batch(payments(0), Batch(QUERY, 0), store, serving)
    store.models.publish(a_packed_model("2", deciding(a_policy(review_at=0.0, decline_at=0.0))))
    (row,) = score_batch(payments(3), Batch(QUERY, 1), store, serving).to_pylist()
    assert (row["model_version"], row["decision"]) == ("2", "decline")


def test_a_challenger_scores_in_the_shadow_by_its_own_thresholds_and_decides_nothing(store):
    serving = a_serving("1")
    store.models.publish(a_packed_model("2", deciding(a_policy(review_at=0.0, decline_at=0.5, intercept=-2.0))), "challenger")
    cheap, dear = score_batch(payments(0, 4), Batch(QUERY, 0), store, serving).to_pylist()
    assert (cheap["model_version"], cheap["challenger_version"]) == ("1", "2")
    assert 0 < cheap["challenger_probability"] < cheap["probability"]
    assert [(row["decision"], row["challenger_decision"]) for row in (cheap, dear)] == [
        ("approve", "review"),
        ("decline", "decline"),
    ]
    store.models.withdraw_challenger("fraud")
    (row,) = score_batch(payments(3), Batch(QUERY, 1), store, serving).to_pylist()
    assert [row[f"challenger_{what}"] for what in ("version", "probability", "decision")] == [None] * 3


def test_a_model_that_cannot_be_fetched_costs_no_state_and_the_old_one_serves_on(store, server):
    serving = a_serving("1")
    score_batch(payments(0), Batch(QUERY, 0), store, serving)
    store.models.publish(a_packed_model("2"))
    server.client.execute_command("ACL SETUSER default -hgetall")
    (row,) = score_batch(payments(3), Batch(QUERY, 1), store, serving).to_pylist()
    assert (row["degraded"], row["model_version"]) == (False, "1")
    assert row["features"][FEATURE_NAMES.index("payments_before")] == 1
    server.client.execute_command("ACL SETUSER default +hgetall")
    (row,) = score_batch(payments(6), Batch(QUERY, 2), store, serving).to_pylist()
    assert (row["model_version"], row["features"][FEATURE_NAMES.index("payments_before")]) == ("2", 2)


def devices_in(store: FraudStore, *names: str) -> Records:
    """Return the states of devices after the last batch."""
    return store.peek(Keys([], names, []), "fraud").known.states.devices


def other_cards(scores: pa.Table) -> list[float]:
    """Return how many other cards each payment's features say have paid from its device."""
    return [row["features"][FEATURE_NAMES.index("device_cards_2d")] for row in scores.to_pylist()]


def test_a_payment_is_told_the_other_cards_of_its_device_also_across_batches_and_not_by_a_repeat(store):
    serving = a_serving()
    assert other_cards(score_batch(payments(0, 2, 1), Batch(QUERY, 0), store, serving)) == [0, 1, 0]
    assert other_cards(score_batch(payments(2, 4, 6), Batch(QUERY, 1), store, serving)) == [2, 2]
    assert devices_in(store, "device0")["sightings"].astype(bool).sum() == 4


def test_a_device_without_an_id_tells_nothing_and_is_not_remembered(store):
    for number, name in enumerate(("unknown", "", "undefined", "N/A", "00000000-0000-0000-0000-000000000000")):
        (row,) = score_batch(payments(number, device_id=name), Batch(QUERY, number), store, a_serving()).to_pylist()
        assert all(math.isnan(row["features"][FEATURE_NAMES.index(feature.name)]) for feature in DEVICE_FEATURES)
    assert not store.client.reader.keys("device:*")


def test_payments_without_a_card_are_each_the_first_of_one_and_leave_no_state(store):
    scores = [
        score_batch(payments(*numbers, card_id="guest"), Batch(QUERY, n), store, a_serving())
        for n, numbers in enumerate(([0, 3], [6]))
    ]
    rows = pa.concat_tables(scores).to_pylist()
    assert [row["features"][FEATURE_NAMES.index("payments_before")] for row in rows] == [0, 0, 0]
    assert [row["late"] for row in rows] == [False, False, False]
    assert not store.client.reader.keys("card:*")


def test_a_seller_without_an_id_is_one_of_whom_nothing_is_known(store):
    known = np.zeros(1, SELLER_RECORD)
    known["after"]["run_frauds"] = 4
    store.write_sellers(["unknown"], known)
    (row,) = score_batch(payments(0, seller_id="unknown"), Batch(QUERY, 0), store, a_serving()).to_pylist()
    assert row["features"][FEATURE_NAMES.index("seller_run_frauds")] == 0


def test_what_two_tasks_of_a_batch_see_of_a_device_is_kept_of_both_and_what_they_tell_stays_when_they_are_run_again(store):
    serving, batch = a_serving(), Batch(QUERY, 1)
    score_batch(payments(0), Batch(QUERY, 0), store, serving)
    tasks = payments(2, 6), payments(4, 10)
    first = [other_cards(score_batch(task, batch, store, serving)) for task in tasks]
    left = devices_in(store, "device0")
    assert first == [[1, 1], [1, 1]]
    assert left["sightings"].astype(bool).sum() == 5
    for order in ((0, 1), (1, 0)):
        assert [other_cards(score_batch(tasks[task], batch, store, serving)) for task in order] == [
            first[task] for task in order
        ]
        assert devices_in(store, "device0").tobytes() == left.tobytes()
    (later,) = other_cards(score_batch(payments(12), Batch(QUERY, 2), store, serving))
    assert later == 2


def test_what_two_tasks_of_a_batch_see_of_a_device_is_kept_of_both_when_both_had_read_before_either_wrote(store, monkeypatch):
    serving, batch = a_serving(), Batch(QUERY, 1)
    score_batch(payments(0), Batch(QUERY, 0), store, serving)

    def meanwhile(place: str) -> None:
        monkeypatch.setattr(scoring, "reach", lambda place: None)
        score_batch(payments(4, 10), batch, store, serving)

    monkeypatch.setattr(scoring, "reach", meanwhile)
    assert other_cards(score_batch(payments(2, 6), batch, store, serving)) == [1, 1]
    assert devices_in(store, "device0")["sightings"].astype(bool).sum() == 5


def test_what_is_cut_off_and_goes_on_writes_and_sends_nothing_of_a_batch_that_others_have_passed(store, server, monkeypatch):
    serving = a_serving()
    score_batch(payments(0, 1), Batch(QUERY, 0), store, serving)

    def meanwhile(place: str) -> None:
        monkeypatch.setattr(scoring, "reach", lambda place: None)
        score_batch(payments(2, 3), Batch(QUERY, 1), store, serving)
        score_batch(payments(4, 6), Batch(QUERY, 2), store, serving)

    monkeypatch.setattr(scoring, "reach", meanwhile)
    with capture_logs() as logs, pytest.raises(CheckpointError, match=r"Batch 1 .* came late"):
        score_batch(payments(2, 3), Batch(QUERY, 1), store, serving)
    assert [line["batch"] for line in logs if line["event"] == "batch_came_late"] == [1]
    left = all_states(server)
    store.client.reader.flushall()
    for number, batch in enumerate([(0, 1), (2, 3), (4, 6)]):
        score_batch(payments(*batch), Batch(QUERY, number), store, serving)
    assert all_states(server) == left


AWAITED_S = 10.0


def ago(seconds: float) -> datetime:
    return datetime.now(UTC) - timedelta(seconds=seconds)


@pytest.fixture
def quick_to_give_up(server: ValkeyServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[FraudStore]:
    """The online store, given up as soon when writing as when reading."""
    monkeypatch.setattr(valkey_client, "WRITING_TIMEOUT_S", 0.1)
    with Client(server.settings.model_copy(update={"timeout_s": 0.1})) as client:
        yield FraudStore(client)


@pytest.mark.parametrize("place", ["before the reading", "after_store_read"])
def test_a_batch_that_nobody_waits_for_is_done_again_exactly_when_the_store_is_back(
    place, server, store, quick_to_give_up, monkeypatch
):
    serving, batches = a_serving(), [payments(*batch) for batch in BATCHES]
    expected = [by_event(score_batch(batch, Batch(QUERY, n), store, serving, AWAITED_S)) for n, batch in enumerate(batches)]
    states = all_states(server)
    store.client.reader.flushall()
    score_batch(batches[0], Batch(QUERY, 0), store, serving, AWAITED_S)
    with monkeypatch.context() as patch:
        patch.setattr(scoring, "reach", lambda reached: server.freeze() if reached == place else None)
        scoring.reach("before the reading")
        with pytest.raises(ServiceUnreachable, match="card states"):
            score_batch(batches[1], Batch(QUERY, 1), quick_to_give_up, serving, AWAITED_S)
    server.thaw()
    again = [by_event(score_batch(batches[n], Batch(QUERY, n), store, serving, AWAITED_S)) for n in (1, 2)]
    assert again == expected[1:]
    assert all_states(server) == states


def test_one_payment_that_somebody_waits_for_is_enough_to_answer_without_the_store(server, quick_to_give_up):
    server.freeze()
    old, new = payments(0, event_at=ago(3600)), payments(3, event_at=ago(0))
    with pytest.raises(ServiceUnreachable):
        score_batch(old, Batch(QUERY, 0), quick_to_give_up, a_serving(), AWAITED_S)
    both = score_batch(pa.concat_tables([new, old]), Batch(QUERY, 0), quick_to_give_up, a_serving(), AWAITED_S)
    assert both["degraded"].to_pylist() == [True, True]


def test_a_store_that_refuses_a_batch_is_not_asked_again_however_old_its_payments(store, server):
    server.client.execute_command("ACL SETUSER default -mset")
    (row,) = score_batch(payments(0), Batch(QUERY, 0), store, a_serving(), AWAITED_S).to_pylist()
    assert row["degraded"]


def test_where_the_model_gives_no_number_the_payment_is_reviewed_marked_and_counted(store):
    batch = pa.concat_tables([payments(0), payments(1, amount=BLANK)])
    with capture_logs() as logs:
        cheap, blank = score_batch(batch, Batch(QUERY, 0), store, a_serving("7", a_blank_booster())).to_pylist()
    assert (cheap["decision"], cheap["degraded"]) == ("approve", False)
    assert (blank["decision"], blank["degraded"], blank["probability"]) == ("review", True, 0.5)
    assert blank["reasons"] == ["the model gave no number for this payment"]
    counted = [(line["version"], line["payments"], line["of"]) for line in logs if line["event"] == "model_gave_no_number"]
    assert counted == [("7", 1, 2)]


def test_a_challenger_that_gives_no_number_has_no_probability_and_would_have_it_reviewed(store):
    store.models.publish(a_packed_model("2", a_blank_booster()), "challenger")
    (row,) = score_batch(payments(1, amount=BLANK), Batch(QUERY, 0), store, a_serving("1")).to_pylist()
    assert (row["challenger_version"], row["challenger_probability"], row["challenger_decision"]) == ("2", None, "review")
    assert not row["degraded"]


BATCHES = [range(6), range(6, 13), range(13, 20)]


def play(store: FraudStore, folder: Path) -> None:
    """Be the streaming engine: run each batch that is not committed yet, append its scores, then
    commit it.
    """
    serving = a_serving()
    for number, batch in enumerate(BATCHES):
        if not (folder / f"commit-{number}").exists():
            scores = score_batch(payments(*batch), Batch(QUERY, number), store, serving)
            scoring.reach(f"before_output_{number}")
            pq.write_table(scores, folder / f"scores-{number}-{os.getpid()}.parquet")
            scoring.reach(f"after_output_{number}")
            (folder / f"commit-{number}").touch()


def scores_in(folder: Path) -> Scores:
    """Return what readers of the topic keep, the first score of each event id, and check that
    copies are equal.
    """
    first: Scores = {}
    for file in sorted(folder.glob("scores-*")):
        for event_id, row in by_event(pq.read_table(file)).items():
            assert first.setdefault(event_id, row) == row
    return first


def all_states(server: ValkeyServer) -> dict[bytes, bytes]:
    client = server.client
    return {key: client.get(key) for kind in ("card:*", "device:*") for key in client.keys(kind)}


@pytest.mark.parametrize("place", ["after_store_read", "after_store_write", "before_output_1", "after_output_1"])
def test_dying_anywhere_gives_the_scores_and_states_of_never_dying(place, server, store, tmp_path):
    calm, killed = tmp_path / "calm", tmp_path / "killed"
    for folder in (calm, killed):
        folder.mkdir()
    play(store, calm)
    expected_states = all_states(server)
    assert len(expected_states) == len(CARDS) + len(DEVICES)
    store.client.reader.flushall()
    play_in_child(server, killed, place, expected=-signal.SIGKILL)
    play(store, killed)
    assert scores_in(killed) == scores_in(calm)
    assert all_states(server) == expected_states


def play_in_child(server: ValkeyServer, folder: Path, kill_point: str, expected: int) -> None:
    """Play in a process that kills itself at `kill_point`."""
    program = (
        "import pickle, sys; from pathlib import Path; import test_scoring as t\n"
        "from pipelines.fraud.store import FraudStore\nfrom pipelines.online_store.client import Client\n"
        f"t.play(FraudStore(Client(pickle.load(sys.stdin.buffer))), Path({str(folder)!r}))"
    )
    here = Path(__file__).parent
    paths = os.pathsep.join([str(here), str(ROOT / "tests" / "support")])
    environment = {**os.environ, "TIDEMARK_KILL_POINT": kill_point, "PYTHONPATH": paths}
    address = pickle.dumps(server.settings)
    child = subprocess.run([sys.executable, "-c", program], input=address, env=environment, check=False)
    assert child.returncode == expected
