"""Equal features, scores, states in three ways: history folded at once, a stream killed at each
point, the API asked before.

The payments come late, out of order and more than once. What the API is asked about is then sent to
the stream.
"""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pyarrow as pa
import pytest
import xgboost
from api_payments import KEY, PATH, as_json
from api_process import an_api
from fraud_models import a_policy, registered
from ids import NO_ID
from processes import running
from topic_records import received, send
from valkey_server import PATIENCE_S
from varied_payments import CARDS, DEVICES, LABEL_DELAY_DAYS, RUN, SELLERS, Event, Made, known_of_sellers, table
from waiting import until

from api.keys import HEADER
from api.payments.schema import Payment
from api.payments.scorer import features_of
from pipelines.base.arrays import Floats
from pipelines.base.paths import located
from pipelines.base.settings import Settings, settings
from pipelines.contracts import schemas
from pipelines.fraud import rebuild_states, training_data
from pipelines.fraud.features.feature_set import FEATURE_NAMES
from pipelines.fraud.features.payment_records import Keys
from pipelines.fraud.model import decisions, fraud_model
from pipelines.fraud.store import FraudStore
from pipelines.kafka import schema_registry, topics
from pipelines.models.registry import ModelRegistry
from pipelines.online_store.client import Client
from stack.ports import some_free

pytestmark = [pytest.mark.end_to_end, pytest.mark.filterwarnings("ignore")]  # MLflow's own

MODEL = f"fraud-parity-{RUN}"
TOPIC, SCORES = "shop.payments", "tidemark.fraud_scores"
PATIENT = {"TIDEMARK_VALKEY__TIMEOUT_S": str(PATIENCE_S), "TIDEMARK_API__STORE_WITHIN_MS": str(PATIENCE_S * 1000)}
OWN = {"TIDEMARK_FRAUD__MODEL_NAME": MODEL, **PATIENT}
SAME = ("features", "probability", "decision", "reasons", "model_name", "model_version", "feature_set", "degraded")
AGAIN = (*SAME, "event_id", "event_at", "card_id", "amount", "late")


def a_booster_of_many_features(features: Floats) -> xgboost.Booster:
    """Learn noise by heart, so that many features decide."""
    matrix = xgboost.DMatrix(features, np.random.default_rng(7).random(len(features)) < 0.5, feature_names=list(FEATURE_NAMES))
    trained = xgboost.train({"objective": "binary:logistic", "nthread": 1, "min_child_weight": 0, "eta": 0.1}, matrix, 20)
    assert len(trained.get_score()) > 30
    probability = fraud_model.probabilities(fraud_model.margins(trained, features), a_policy().calibration)
    return fraud_model.with_policy(trained, a_policy(*np.quantile(probability, [0.4, 0.8]).tolist()))


@dataclass(frozen=True)
class Left:
    """What a death has left: which payments of the batch under way the topic has scores of, and
    whether a state is new.
    """

    scored: set[str]
    changed: bool


@dataclass
class Stream:
    """The scorer's process, its topics, and the API beside it."""

    chosen: Settings
    folder: Path
    store: FraudStore
    since: dict[int, int]
    arrived: list[Event] = field(default_factory=list)
    answered: dict[str, Event] = field(default_factory=dict)
    under_way: set[str] = field(default_factory=set)
    before: bytes = b""

    def __post_init__(self) -> None:
        self.log, self.kill_points = self.folder / "scorer.log", self.folder / "kill-points"
        self.kill_points.mkdir()

    @contextmanager
    def scorer(self) -> Iterator[Any]:
        """Run the scorer, and kill -9 it at the end: driver, Java and workers."""
        with running(self.log, "jobs/streams/score_payments.py", **OWN, TIDEMARK_KILL_POINT=str(self.kill_points)) as job:
            yield job

    def failures(self) -> int:
        return self.log.read_text().count('"query_failed"')

    def send(self, *events: Event) -> None:
        send(self.chosen.kafka, TOPIC, *events)
        self.arrived += events

    def scores(self) -> list[Event]:
        """Return the scores of this run, in the topic's order; others' payments may be scored again
        when the scorer starts.
        """
        found = received(self.chosen.kafka, SCORES, self.since)
        return [each.event for each in found if each.event["card_id"].startswith(RUN)]

    def scored(self) -> set[str]:
        return {each["payment_id"] for each in self.scores()}

    def all_scored(self) -> bool:
        return self.scored() == {each["payment_id"] for each in self.arrived}

    def left(self) -> Left:
        """Return what is there of the batch under way."""
        return Left(self.under_way & self.scored(), self.states() != self.before)

    def dies(self, sent: list[Event], job: Any) -> dict[str, Left]:
        """Send payments on which workers die, first at one place, then at the next, and return what
        each death leaves.
        """
        self.under_way, self.before = {each["payment_id"] for each in sent} - self.scored(), self.states()
        place, next_place = (self.kill_points / name for name in ("after_store_read", "after_store_write"))
        place.touch()
        failures = self.failures()
        self.send(*sent)
        until(lambda: self.failures() > failures, f"a worker has died {place.name}", job)
        left, failures = {place.name: self.left()}, self.failures()
        place.rename(next_place)  # at once: no worker gets past both
        until(lambda: self.failures() > failures and self.left().changed, f"a worker has died {next_place.name}", job)
        return {**left, next_place.name: self.left()}

    @contextmanager
    def without_commits(self) -> Iterator[None]:
        """Let no batch be committed, because a file lies where the commits belong, and no worker
        die.
        """
        commits = Path(located(settings().checkpoints.path)) / SCORES / "commits"
        moved = commits.rename(commits.with_name("commits-kept"))
        commits.write_text("in the way")  # an empty one would be taken for what a power cut leaves
        (self.kill_points / "after_store_write").unlink()
        try:
            yield
        finally:
            commits.unlink()
            moved.rename(commits)

    def ask(self, client: httpx.Client, *events: Event) -> None:
        """Ask the API about each payment, and its code for the features, which no answer shows."""
        for event in events:
            body = as_json(event)
            keys = Keys([event["card_id"]], [event["device_id"]], [event["seller_id"]])
            known = self.store.peek(keys, MODEL).known
            features = features_of(Payment.model_validate_json(json.dumps(body)), known, NO_ID)[0]
            answer = client.post(PATH, json=body)
            assert answer.is_success, answer.text
            self.answered[event["payment_id"]] = {**answer.json(), "features": features.tolist()}

    def states(self) -> bytes:
        """Return the states that each card and device was last left in."""
        cards, devices = self.store.peek(Keys(CARDS, DEVICES, []), MODEL).known.states
        return cards.tobytes() + devices.tobytes()


@dataclass(frozen=True)
class Story:
    """All that was lived through."""

    stream: Stream
    scores: list[Event]
    left: dict[str, Left]
    payments: pa.Table
    features: Floats
    model: fraud_model.Model


@pytest.fixture(scope="module")
def story(local_stack: Settings, tmp_path_factory: pytest.TempPathFactory) -> Story:
    """Live through it once: a past, a calm round, one whose batch dies at every point, and calm
    ones again.
    """
    schema_registry.register_contracts()
    topics.create_missing(local_stack.kafka, schemas.topics())
    registry, made, folder = ModelRegistry(local_stack.mlflow), Made(), tmp_path_factory.mktemp("parity")
    sales, past, calm, under_way = made.sales(), made.past(), made.round(1), made.round(2, of_each=3)
    rest = [made.round(number) for number in (3, 4, 5)]
    twice = [*under_way[:15], calm[2], under_way[4], *under_way[15:], under_way[20], calm[5]]
    rounds = [[*past, past[3], past[-1]], calm, twice, [*rest[0], under_way[7], under_way[-1]], *rest[1:]]
    payments = table([*sales, *chain(*rounds)])
    features = training_data.folded(payments, LABEL_DELAY_DAYS).features
    version = registered(registry, MODEL, a_booster_of_many_features(features))
    store = FraudStore(Client(local_stack.valkey.model_copy(update={"timeout_s": PATIENCE_S})))
    store.write_sellers(SELLERS, known_of_sellers(table(sales)))
    stream = Stream(local_stack, folder, store, topics.end_offsets(local_stack.kafka, SCORES))
    chosen = {**OWN, "TIDEMARK_API__PORT": str(some_free(1)[0])}
    stream.send(*rounds[0])
    with ExitStack() as beside:
        with stream.scorer() as job:
            _, url = beside.enter_context(an_api(folder / "api.log", chosen))
            client = beside.enter_context(httpx.Client(base_url=url, headers={HEADER: KEY}, timeout=PATIENCE_S))
            until(stream.all_scored, "the past is scored", job)
            stream.ask(client, *calm)
            send(local_stack.kafka, TOPIC, refund_of(calm[0]))
            stream.send(*rounds[1])
            until(stream.all_scored, "the calm round is scored", job)
            stream.ask(client, *under_way[: len(CARDS)])
            left = stream.dies(rounds[2], job)
        with stream.without_commits(), stream.scorer() as job:
            failures = stream.failures()
            until(lambda: stream.failures() > failures, "the commit has failed", job)
            left["before_commit"] = stream.left()
        with stream.scorer() as job:
            for fresh, sent in zip(rest, rounds[3:], strict=True):
                until(stream.all_scored, "the round before is scored", job)
                stream.ask(client, *fresh)
                stream.send(*sent)
            until(stream.all_scored, "all is scored", job)
    model = fraud_model.load(registry.packed(MODEL, version))
    return Story(stream, stream.scores(), left, payments, features, model)


def refund_of(payment: Event) -> Event:
    """Build what gives a payment back."""
    name = f"{payment['payment_id']}-refund"
    return {**payment, "event_id": name, "payment_id": name, "amount": -payment["amount"]}


def first_of_each(scores: list[Event]) -> dict[str, Event]:
    """Return the score of each payment that counts: the first."""
    first: dict[str, Event] = {}
    for each in scores:
        first.setdefault(each["payment_id"], each)
    return first


def test_the_stream_gives_the_features_and_scores_of_the_batch_fold(story: Story) -> None:
    fresh, _, _ = training_data.fold_cards(story.payments)
    probability = fraud_model.predict(story.model, story.features).astype(np.float64)
    decision = decisions.decide(probability, story.model.policy.thresholds)
    expected = {
        payment_id: (repr(features.tolist()), float(p), str(d))
        for payment_id, features, p, d in zip(
            fresh["payment_id"].to_pylist(), story.features, probability, decision, strict=True
        )
    }
    streamed = {
        payment_id: (repr(each["features"]), each["probability"], each["decision"])
        for payment_id, each in first_of_each(story.scores).items()
    }
    assert streamed == {each["payment_id"]: expected[each["payment_id"]] for each in story.stream.arrived}
    assert {decision for _, _, decision in streamed.values()} == {"approve", "review", "decline"}
    assert not any(each["degraded"] for each in story.scores)


def test_the_api_asked_before_each_payment_gives_the_features_and_scores_of_the_stream(story: Story) -> None:
    streamed, answered = first_of_each(story.scores), story.stream.answered
    assert len(answered) == 5 * len(CARDS)
    for payment_id, answer in answered.items():
        assert {name: repr(answer[name]) for name in SAME} == {name: repr(streamed[payment_id][name]) for name in SAME}


def test_cards_and_devices_are_left_in_the_states_of_the_batch_fold(story: Story) -> None:
    keys, states = rebuild_states.folded([story.payments])
    of_cards = states.cards[[keys.cards.index(card) for card in CARDS]]
    of_devices = states.devices[[keys.devices.index(device) for device in DEVICES]]
    assert story.stream.states() == of_cards.tobytes() + of_devices.tobytes()


def test_a_refund_has_no_score(story: Story) -> None:
    assert not [each for each in story.scores if each["payment_id"].endswith("-refund")]
    assert len(story.scores) > 0


def test_payments_are_told_of_other_cards_that_paid_from_their_device(story: Story) -> None:
    others = story.features[:, FEATURE_NAMES.index("device_cards_2d")]
    assert {0, 1, 2} <= set(others[np.isfinite(others)].tolist())


def test_the_scorer_died_at_every_point_of_a_batch(story: Story) -> None:
    assert story.left["after_store_read"] == Left(scored=set(), changed=False)
    assert story.left["after_store_write"] == Left(scored=set(), changed=True)
    assert story.left["before_commit"].scored


def test_what_was_scored_again_is_the_same_score(story: Story) -> None:
    first, times = first_of_each(story.scores), Counter(each["payment_id"] for each in story.scores)
    assert all(times[payment_id] > 1 for payment_id in story.left["before_commit"].scored)
    for each in story.scores:
        assert {name: repr(each[name]) for name in AGAIN} == {name: repr(first[each["payment_id"]][name]) for name in AGAIN}
