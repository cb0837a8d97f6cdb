"""The champion reaches the workers through the store; a bad or unreachable one leaves what serves
in service.
"""

import errno
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from uuid import UUID

import pytest
from fraud_models import a_packed_model
from structlog.testing import capture_logs
from waiting import until

from pipelines.base.errors import ModelError, ServiceUnreachable
from pipelines.fraud.features.payment_records import Keys
from pipelines.fraud.model import fraud_model
from pipelines.fraud.store import FraudStore
from pipelines.models.packed import Packed
from pipelines.models.publishing import ChampionWatch
from pipelines.online_store.two_version_records import Batch


@dataclass
class Registered:
    """Registered versions, the champion among them, and how often each was fetched."""

    versions: dict[str, Packed] = field(default_factory=dict)
    champion: str | None = None
    challenger: str | None = None
    reachable: bool = True
    unforeseen: Exception | None = None
    fetched: list[str] = field(default_factory=list)
    looked_up: threading.Event = field(default_factory=threading.Event)

    def champion_version(self, name: str) -> str | None:
        self.looked_up.set()
        if not self.reachable:
            raise ServiceUnreachable("Could not look up the champion: no answer.")
        return self.champion

    def challenger_version(self, name: str) -> str | None:
        return self.challenger

    def packed(self, name: str, version: str) -> Packed:
        self.fetched.append(version)
        if self.unforeseen:
            raise self.unforeseen
        return self.versions[version]

    def crown(self, packed: Packed) -> None:
        self.versions[packed.version] = packed
        self.champion = packed.version


@pytest.fixture
def registry() -> Registered:
    return Registered()


@pytest.fixture
def watch(registry: Registered, store: FraudStore) -> Iterator[ChampionWatch]:
    made = ChampionWatch(registry, store.models, "fraud", fraud_model.load, 0.01, threading.Event())
    yield made
    made.watch.stop()


def test_the_first_model_is_the_champion(watch, registry):
    registry.crown(a_packed_model("5"))
    assert watch.first().version == "5"


def test_without_a_champion_the_start_waits_for_one(watch, registry):
    found: list[Packed] = []
    waiting = threading.Thread(target=lambda: found.append(watch.first()))
    waiting.start()
    assert registry.looked_up.wait(60)
    assert found == []
    registry.crown(a_packed_model("1"))
    waiting.join(60)
    assert [packed.version for packed in found] == ["1"]


def test_without_mlflow_the_published_model_goes_on_serving(watch, registry, store):
    store.models.publish(a_packed_model("4"))
    registry.reachable = False
    assert watch.first().version == "4"


def test_a_stopped_wait_is_an_error_in_words(watch):
    watch.stopping.set()
    with pytest.raises(ModelError, match="Stopped before model fraud had a champion"):
        watch.first()


def test_a_new_champion_is_published_once(watch, registry, store):
    registry.crown(a_packed_model("1"))
    watch.look()
    watch.look()
    assert registry.fetched == ["1"]
    registry.crown(a_packed_model("2"))
    watch.look()
    assert store.models.current_version("fraud") == "2"
    registry.champion = "1"
    watch.look()
    assert store.models.current_version("fraud") == "1"


def test_a_bad_champion_is_fetched_once_and_never_published(watch, registry, store):
    registry.crown(a_packed_model("1"))
    watch.look()
    registry.crown(a_packed_model("2", sha256="0" * 64))
    watch.look()
    watch.look()
    assert registry.fetched == ["1", "2"]
    assert store.models.current_version("fraud") == "1"


def test_a_store_that_is_away_gets_the_champion_when_it_is_back(watch, registry, server, store, hasty_store):
    registry.crown(a_packed_model("1"))
    server.freeze()
    watch.models = hasty_store.models
    watch.look()
    server.thaw()
    watch.models = store.models
    assert store.models.current_version("fraud") is None
    watch.look()
    assert store.models.current_version("fraud") == "1"


def test_the_watch_runs_in_one_thread_however_often_it_is_started(watch, registry, store):
    watch.start()
    watch.start()
    assert [thread.name for thread in threading.enumerate()].count("champion-watch") == 1
    assert registry.looked_up.wait(60)


def shadowed(store: FraudStore) -> str | None:
    return store.read(Keys([], [], []), Batch(str(UUID(int=1)), 0), "fraud").challenger_version


def test_the_challenger_is_published_beside_the_champion_until_there_is_none(watch, registry, store):
    registry.crown(a_packed_model("1"))
    registry.versions["2"] = a_packed_model("2")
    registry.challenger = "2"
    watch.look()
    watch.look()
    assert registry.fetched == ["1", "2"]
    assert (store.models.current_version("fraud"), shadowed(store)) == ("1", "2")
    registry.champion, registry.challenger = "2", None
    watch.look()
    assert (store.models.current_version("fraud"), shadowed(store)) == ("2", None)


def test_a_bad_challenger_is_fetched_once_and_scores_nothing(watch, registry, store):
    registry.crown(a_packed_model("1"))
    store.models.publish(a_packed_model("2"), "challenger")
    registry.versions["3"] = a_packed_model("3", sha256="0" * 64)
    registry.challenger = "3"
    watch.look()
    watch.look()
    assert registry.fetched == ["1", "3"]
    assert (store.models.current_version("fraud"), shadowed(store)) == ("1", None)


FULL = OSError(errno.ENOSPC, "No space left on device")  # where the registry's client puts what it fetches


def test_a_watch_that_fails_as_nobody_foresaw_publishes_once_that_has_passed(watch, registry, store):
    registry.crown(a_packed_model("1"))
    registry.unforeseen = FULL
    watch.start()
    until(lambda: len(registry.fetched) > 1, "it has failed and looked again")
    registry.unforeseen = None
    until(lambda: store.models.current_version("fraud") == "1", "it is published")
    assert watch.watch.thread.is_alive()


def test_a_start_that_fails_as_nobody_foresaw_takes_the_published_model(watch, registry, store):
    store.models.publish(a_packed_model("4"))
    registry.crown(a_packed_model("5"))
    registry.unforeseen = FULL
    assert watch.first().version == "4"


def test_a_start_that_fails_as_nobody_foresaw_waits_where_nothing_is_published(watch, registry, store):
    registry.crown(a_packed_model("5"))
    registry.unforeseen = FULL
    found: list[Packed] = []
    waiting = threading.Thread(target=lambda: found.append(watch.first()))
    waiting.start()
    until(lambda: len(registry.fetched) > 2, "it has failed and tried again")
    registry.unforeseen = None
    waiting.join(60)
    assert [packed.version for packed in found] == ["5"]
    assert watch.logged == {"champion_not_loaded", "waiting_for_champion"}, "each once, although they take turns"


def test_a_store_that_has_lost_its_data_gets_champion_and_challenger_again(watch, registry, store):
    registry.crown(a_packed_model("1"))
    registry.versions["2"] = a_packed_model("2")
    registry.challenger = "2"
    watch.look()
    store.client.reader.flushall()
    watch.look()
    watch.look()
    assert registry.fetched == ["1", "2", "1", "2"]
    assert (store.models.current_version("fraud"), shadowed(store)) == ("1", "2")
    assert store.models.packed("fraud", "1") == registry.versions["1"]


def test_a_store_that_was_emptied_and_a_champion_that_is_gone_are_logged(watch, registry, store):
    registry.crown(a_packed_model("5"))
    watch.look()
    store.client.reader.flushall()
    with capture_logs() as logs:
        watch.look()
        registry.champion = None
        watch.look()
        watch.look()
    events = [each["event"] for each in logs if each["log_level"] in ("error", "warning")]
    assert events == ["online_store_was_emptied", "champion_gone"]
    assert store.models.current_version("fraud") == "5"
