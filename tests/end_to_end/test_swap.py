"""The champion's alias moves while payments flow: the running scorer follows within seconds, loses
nothing, doubles nothing.
"""

import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby, pairwise
from typing import Any
from uuid import uuid4

import pytest
from builders import a_payment
from fraud_models import a_booster, a_policy, deciding, registered
from processes import running
from topic_records import Record, received, send
from valkey_server import PATIENCE_S
from waiting import until

from pipelines.base.settings import Settings
from pipelines.contracts import schemas
from pipelines.fraud import promotion
from pipelines.kafka import schema_registry, topics
from pipelines.models.published import PublishedModels
from pipelines.models.registry import ModelRegistry
from pipelines.online_store.client import Client

pytestmark = [pytest.mark.end_to_end, pytest.mark.filterwarnings("ignore")]  # MLflow's own

RUN = uuid4().hex
MODEL = f"fraud-swap-{RUN}"
PAYMENTS, SCORES = "shop.payments", "tidemark.fraud_scores"
OWN = {"TIDEMARK_FRAUD__MODEL_NAME": MODEL, "TIDEMARK_VALKEY__TIMEOUT_S": str(PATIENCE_S)}
CARDS, EVERY_S = 20, 0.1
WITHIN_S = 10  # of the move


@dataclass
class Shop:
    """Sends a payment every tenth of a second, of cards that take turns, and knows what came of
    them.
    """

    chosen: Settings
    since: dict[str, dict[int, int]] = field(init=False)
    sent: int = 0
    turn: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.since = {topic: topics.end_offsets(self.chosen.kafka, topic) for topic in (PAYMENTS, SCORES)}

    def pay(self) -> str:
        """Send the next payment and return its id."""
        with self.turn:
            name, card = f"{RUN}-{self.sent}", f"{RUN}-card{self.sent % CARDS}"
            payment = a_payment(event_id=name, payment_id=name, card_id=card, event_at=datetime.now(UTC))
            send(self.chosen.kafka, PAYMENTS, payment)
            self.sent += 1
        return name

    def pay_and_wait(self, job: subprocess.Popen[bytes]) -> list[str]:
        """Send a payment of every card, so of every partition, and return their ids once all are
        scored.
        """
        paid = [self.pay() for _ in range(CARDS)]
        until(lambda: self.scored().keys() >= set(paid), "a payment of every card is scored", job)
        return paid

    @contextmanager
    def open(self) -> Iterator[None]:
        closing = threading.Event()

        def trade() -> None:
            while not closing.wait(EVERY_S):
                self.pay()

        trading = threading.Thread(target=trade)
        trading.start()
        try:
            yield
        finally:
            closing.set()
            trading.join()

    def received(self, topic: str) -> list[Record]:
        """Return what a topic has got of this shop; a scorer that was killed before has scored
        others' payments again.
        """
        found = received(self.chosen.kafka, topic, self.since[topic])
        return [each for each in found if each.event["card_id"].startswith(RUN)]

    def scored(self) -> dict[str, dict[str, Any]]:
        """Return the scores by payment."""
        return {each.event["payment_id"]: each.event for each in self.received(SCORES)}


@dataclass(frozen=True)
class Move:
    """A move of the alias: to which version, how long it took to make, when that scored first, what
    was paid afterwards.
    """

    version: str
    at: datetime
    made_in_s: float
    first_score_s: float
    paid_after: list[str]


@dataclass(frozen=True)
class Story:
    """What was left when the shop had closed and all was scored."""

    versions: list[str]
    moves: list[Move]
    payments: list[Record]
    scores: list[Record]
    summary: str


def moved(shop: Shop, registry: ModelRegistry, version: str, job: subprocess.Popen[bytes]) -> Move:
    """Make a version the champion as `make promote TO=` does, and return once it has scored."""
    at = datetime.now(UTC)
    promotion.set_champion(registry, MODEL, version)
    made = datetime.now(UTC)
    with Client(shop.chosen.valkey.model_copy(update={"timeout_s": PATIENCE_S})) as client:
        models = PublishedModels(client)
        until(lambda: models.current_version(MODEL) == version, f"version {version} is published", job)
    paid_after = shop.pay_and_wait(job)
    first = min(
        each["scored_at"] for each in shop.scored().values() if each["model_version"] == version and each["scored_at"] > at
    )
    return Move(version, at, (made - at).total_seconds(), (first - at).total_seconds(), paid_after)


@pytest.fixture(scope="module")
def story(local_stack: Settings, tmp_path_factory: pytest.TempPathFactory) -> Story:
    """Live through it once: two versions, payments that do not stop, the move from one to the
    other, and the move back.
    """
    schema_registry.register_contracts()
    topics.create_missing(local_stack.kafka, schemas.topics())
    registry, log = ModelRegistry(local_stack.mlflow), tmp_path_factory.mktemp("swap") / "scorer.log"
    stern = deciding(a_policy(review_at=0.0, decline_at=0.0))
    old, new = (registered(registry, MODEL, booster) for booster in (a_booster(), stern))
    shop = Shop(local_stack)
    with running(log, "jobs/streams/score_payments.py", **OWN) as job:
        with shop.open():
            shop.pay_and_wait(job)
            moves = [moved(shop, registry, version, job) for version in (new, old)]
        until(lambda: len(shop.scored()) == shop.sent, "every payment is scored", job)
    return Story([old, new, old], moves, shop.received(PAYMENTS), shop.received(SCORES), log.read_text())


def test_the_version_on_the_rows_changes_within_ten_seconds_of_the_move(
    story: Story, record_property: Callable[[str, object], None]
) -> None:
    """Where making a move takes seconds, or a batch did before any, the machine is busy, and
    following takes longer too.
    """
    begun = story.moves[0].at
    scored_at = sorted(each.event["scored_at"] for each in story.scores if each.event["scored_at"] < begun)
    silent_s = max((later - at).total_seconds() for at, later in pairwise(scored_at))
    for move in story.moves:
        moved = (
            f"{move.first_score_s:.1f} s to version {move.version}: {move.made_in_s:.1f} s to make, {silent_s:.1f} s a batch"
        )
        record_property("move", moved)
        assert move.first_score_s < max(WITHIN_S, 5 * (move.made_in_s + silent_s)), moved


def test_what_is_paid_once_the_store_names_a_version_is_scored_by_it(story: Story) -> None:
    by = {each.event["payment_id"]: each.event["model_version"] for each in story.scores}
    assert [{by[paid] for paid in move.paid_after} for move in story.moves] == [{move.version} for move in story.moves]


def test_no_payment_is_lost_and_none_scored_twice(story: Story) -> None:
    paid, scored = (sorted(each.event["payment_id"] for each in records) for records in (story.payments, story.scores))
    assert scored == paid
    assert len(set(paid)) == len(paid)
    assert not any(each.event["degraded"] for each in story.scores)


def test_each_partition_s_payments_change_their_version_once_a_move(story: Story, local_stack: Settings) -> None:
    by = {each.event["payment_id"]: each.event["model_version"] for each in story.scores}
    of_partition = groupby(story.payments, key=lambda each: each.partition)
    chosen = {
        partition: [version for version, _ in groupby(by[each.event["payment_id"]] for each in paid)]
        for partition, paid in of_partition
    }
    assert len(chosen) == local_stack.kafka.partitions_for(PAYMENTS)
    assert all(versions == story.versions for versions in chosen.values()), chosen


def test_the_thresholds_move_with_the_version(story: Story) -> None:
    old, new, _ = story.versions
    decisions = {(each.event["model_version"], each.event["decision"]) for each in story.scores}
    assert decisions == {(old, "approve"), (new, "decline")}


def test_the_scorer_was_started_once_and_its_query_too(story: Story) -> None:
    assert story.summary.count("query_started") == 1
