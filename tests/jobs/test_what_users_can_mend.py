"""What a user can mend ends a program with one sentence that says what to do next, and never with a
traceback.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from builders import a_recommendation
from processes import finished
from topic_records import send

from pipelines.base.paths import ROOT
from pipelines.base.settings import Settings, settings
from pipelines.fraud.features.fold import nothing_known
from pipelines.fraud.features.payment_records import Keys
from pipelines.fraud.store import FraudStore
from pipelines.lake.arrow import open_catalogue
from pipelines.online_store.client import Client
from pipelines.online_store.two_version_records import Batch
from pipelines.recommendations.features.session import new_sessions
from pipelines.recommendations.store import RecommendationStore

pytestmark = pytest.mark.programs

REGISTER, BALANCE, SIMULATOR = (
    ("jobs/tasks/register_contracts.py",),
    ("jobs/tasks/balance.py",),
    ("-m", "simulator", "--duration", "1s"),
)
BRONZE, ORDERS = ("jobs/streams/keep_events.py",), ("jobs/streams/aggregate.py", "--table", "gold.orders")
# What Spark says of the machine whenever it starts.
SPARKS = re.compile(r" WARN (Utils|NativeCodeLoader): |^WARNING: Using incubator modules")
NOWHERE = "127.0.0.1:1"
PLACES = r"mend them where they stand, in \S+base\.toml, \S+local\.toml, \.env or a TIDEMARK_<SECTION>__<NAME>"
NO_REGISTRY = rf"no schema registry answers at http://{NOWHERE} .*; run `make up`"
NO_CATALOGUE = rf"Could not open the catalogue database lake at {NOWHERE} \(.*Connection refused\): run `make up`"


def sentences(done: subprocess.CompletedProcess[str]) -> list[str]:
    """Return the sentences a program ended with: plain ones, and those in its log."""
    assert "Traceback" not in done.stdout + done.stderr
    lines = [line for line in done.stderr.splitlines() if not SPARKS.search(line)]
    logged = [json.loads(line) for line in lines if line.startswith("{")]
    return [line for line in lines if not line.startswith("{")] + [entry["error"] for entry in logged if "error" in entry]


def assert_says(sentence: str, wanted: str) -> None:
    assert re.search(wanted, sentence), sentence


@pytest.fixture(autouse=True)
def _java_as_users_have_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the options that the tests give to Java, which it would name beside the
    sentence.
    """
    monkeypatch.delenv("JDK_JAVA_OPTIONS", raising=False)


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    """A copy of the settings' folder."""
    return shutil.copytree(ROOT / "conf", tmp_path / "conf")


@pytest.mark.parametrize(("command", "code"), [(REGISTER, 2), (SIMULATOR, 1), (BALANCE, 2), (BRONZE, 2)])
def test_a_missing_setting(conf: Path, command: tuple[str, ...], code: int) -> None:
    base = conf / "base.toml"
    base.write_text(base.read_text().replace("retention_hours = 168\n", ""))
    (sentence,) = sentences(finished(*command, expect=code, TIDEMARK_CONF=str(conf)))
    assert_says(sentence, r"Settings are wrong: kafka\.retention_hours: is missing; " + PLACES)


def test_an_unknown_key_in_a_file(conf: Path) -> None:
    base = conf / "base.toml"
    base.write_text(base.read_text().replace("retention_hours", "retention_hour"))
    (sentence,) = sentences(finished(*REGISTER, expect=2, TIDEMARK_CONF=str(conf)))
    assert_says(sentence, r"kafka\.retention_hours: is missing; kafka\.retention_hour: is not a setting; " + PLACES)


def test_a_file_that_is_not_toml(conf: Path) -> None:
    (conf / "local.toml").write_text("[kafka\n")
    (sentence,) = sentences(finished(*REGISTER, expect=2, TIDEMARK_CONF=str(conf)))
    assert_says(sentence, r"local\.toml is not valid TOML .*: mend that line")


@pytest.mark.parametrize(
    ("command", "code", "changes", "expected"),
    [
        (REGISTER, 2, {"KAFKA__PARTITIONS": "many"}, r"kafka\.partitions: input should be a valid integer.*; " + PLACES),
        (BALANCE, 2, {"KAFKA__PARTITIONS": "many"}, r"kafka\.partitions: input should be a valid integer.*; " + PLACES),
        (SIMULATOR, 1, {"KAFKA__PARTITION": "2"}, r"kafka\.partition: is not a setting; " + PLACES),
        (REGISTER, 2, {"KAFKA": "x", "KAFKA__PARTITIONS": "2"}, r"kafka: is a section, not a value; " + PLACES),
        (REGISTER, 2, {"PROFILE": "moon"}, r"No settings file \S+moon\.toml: TIDEMARK_PROFILE must name one of conf/\*\.toml"),
        (SIMULATOR, 1, {"KAFKA__BOOTSTRAP_SERVERS": NOWHERE}, rf"No Kafka broker answers at {NOWHERE}: run `make up`"),
        (
            REGISTER,
            2,
            {"SCHEMA_REGISTRY__URL": f"http://{NOWHERE}"},
            rf"no schema registry answers at http://{NOWHERE} .*`make up`",
        ),
        (
            BALANCE,
            2,
            {"POSTGRES__PORT": "1"},
            r"catalogue database lake at 127\.0\.0\.1:1 \(.*Connection refused\): run `make up`",
        ),
        (
            BRONZE,
            2,
            {"POSTGRES__PORT": "1"},
            r"catalogue database lake at 127\.0\.0\.1:1 \(.*Connection refused\): run `make up`",
        ),
    ],
)
def test_what_the_environment_gets_wrong(command: tuple[str, ...], code: int, changes: dict[str, str], expected: str) -> None:
    given = {f"TIDEMARK_{name}": value for name, value in changes.items()}
    (sentence,) = sentences(finished(*command, expect=code, **given))
    assert_says(sentence, expected)


def test_a_mistyped_option_changes_nothing() -> None:
    assert "No such option: --chek" in finished(*REGISTER, "--chek", expect=2).stderr


def test_a_shop_that_could_not_open_says_nothing_of_what_it_sent() -> None:
    assert len(finished(*SIMULATOR, expect=1, TIDEMARK_KAFKA__PARTITION="2").stderr.splitlines()) == 1


@pytest.mark.integration
def test_a_registry_without_a_broker(local_stack: Settings) -> None:
    (sentence,) = sentences(finished(*REGISTER, expect=2, TIDEMARK_KAFKA__BOOTSTRAP_SERVERS=NOWHERE))
    assert_says(sentence, rf"No Kafka broker answers at {NOWHERE} \(.*\): run `make up`")


@pytest.mark.integration
def test_a_broker_without_a_registry(local_stack: Settings) -> None:
    (sentence,) = sentences(finished(*SIMULATOR, expect=1, TIDEMARK_SCHEMA_REGISTRY__URL=f"http://{NOWHERE}"))
    assert_says(sentence, NO_REGISTRY)


@pytest.mark.integration
def test_a_foreign_checkpoint(local_stack: Settings, tmp_path: Path) -> None:
    checkpoint = tmp_path / "checkpoints" / "gold.orders"
    (checkpoint / "offsets").mkdir(parents=True)
    # A catalogue of its own, in which the table is new, whatever other tests have done to the
    # stack.
    apart = {"TIDEMARK_CATALOG__NAME": "apart", "TIDEMARK_CATALOG__WAREHOUSE": str(tmp_path / "warehouse")}
    done = finished(*ORDERS, expect=2, TIDEMARK_CHECKPOINTS__PATH=str(checkpoint.parent), **apart)
    (sentence,) = sentences(done)
    foreign = rf"The checkpoint {checkpoint} belongs to another table than gold\.orders.*: move that folder away, or"
    assert_says(sentence, foreign)


@pytest.mark.integration
def test_recovering_a_scorer_whose_checkpoint_is_there_forgets_no_card(local_stack: Settings, tmp_path: Path) -> None:
    finished(*REGISTER)
    checkpoint = tmp_path / "tidemark.fraud_scores"
    (checkpoint / "offsets").mkdir(parents=True)
    (checkpoint / "offsets" / "0").write_text("v1\n{}\n{}")
    (checkpoint / "metadata").write_text('{"id": "1"}')
    keys, batch = Keys(["card-of-a-healthy-scorer"], [], []), Batch(str(UUID(int=1)), 0)
    before, paid = nothing_known(keys).states, nothing_known(keys).states
    paid.cards["payments"] = 7
    with Client(local_stack.valkey) as client:
        FraudStore(client).write(keys, before, paid, batch)
    recover = ("jobs/tasks/recover.py", "--table", "tidemark.fraud_scores")
    (sentence,) = sentences(finished(*recover, expect=2, TIDEMARK_CHECKPOINTS__PATH=str(tmp_path)))
    assert_says(sentence, rf"The checkpoint {checkpoint} of tidemark\.fraud_scores is there and is kept: start the query")
    with Client(local_stack.valkey) as client:
        after = FraudStore(client).read(keys, Batch(batch.query_id, 1), "none").known.states
    assert after.cards["payments"].tolist() == [7]


@pytest.mark.integration
def test_recovering_a_recommender_whose_checkpoint_is_lost_forgets_its_sessions(local_stack: Settings, tmp_path: Path) -> None:
    finished(*REGISTER)
    own = {"TIDEMARK_CHECKPOINTS__PATH": str(tmp_path)}
    session_id = f"session-{tmp_path.name}"
    with Client(local_stack.valkey) as client:
        store = RecommendationStore(client, 7200)
        store.write([session_id], new_sessions(1), new_sessions(1), Batch(str(UUID(int=2)), 0), {})
        assert client.get([f"session:1:{session_id}"]) != [None]
        listed = a_recommendation(event_id=f"recommendation-{session_id}", session_id=session_id)
        send(local_stack.kafka, "tidemark.recommendations", listed, key="session_id")
        finished("jobs/tasks/recover.py", "--table", "tidemark.recommendations", **own)
        assert client.get([f"session:1:{session_id}"]) == [None]
    assert (tmp_path / "tidemark.recommendations" / "metadata").is_file()


@pytest.fixture
def own_lake(local_stack: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A catalogue and checkpoints of this test's own, in which no other test has written a row."""
    monkeypatch.setenv("TIDEMARK_CATALOG__NAME", f"apart_{tmp_path.name}")
    monkeypatch.setenv("TIDEMARK_CATALOG__WAREHOUSE", str(tmp_path / "warehouse"))
    monkeypatch.setenv("TIDEMARK_CHECKPOINTS__PATH", str(tmp_path / "checkpoints"))
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.mark.integration
@pytest.mark.usefixtures("own_lake")
def test_a_table_whose_newest_metadata_is_empty_goes_back() -> None:
    recover, table = ("jobs/tasks/recover.py", "--table", "silver.inventory"), "silver.inventory"
    finished(*recover, expect=2)  # makes the table
    with open_catalogue() as catalogue:
        with catalogue.load_table(table).transaction() as change:
            change.set_properties({"noted": "by this test"})
        newest = Path(re.sub("^file:/*", "/", catalogue.load_table(table).metadata_location))
    newest.write_bytes(b"")

    rebuild = ("jobs/tasks/rebuild.py", "--table", table, "--from", "2026-01-01T00:00:00", "--to", "2026-01-02T00:00:00")
    (sentence,) = sentences(finished(*rebuild, expect=2))
    assert_says(sentence, rf"The metadata of silver\.inventory is damaged.*{newest.name}.*make recover TABLE=silver\.inventory")

    done = finished(*recover, expect=2)
    assert_says(done.stderr, r"table_went_back")
    (sentence,) = sentences(done)
    assert_says(sentence, r"silver\.inventory has no rows to go on from")
