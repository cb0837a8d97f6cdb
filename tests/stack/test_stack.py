"""The real stack: every service does what the others count on, keeps its state and keeps strangers
out.
"""

import json
import os
import signal
import uuid
from collections.abc import Iterator

import httpx
import psutil
import psycopg
import pytest
import valkey
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic
from typer.testing import CliRunner
from waiting import until

from pipelines.base.errors import ServiceUnreachable
from pipelines.base.settings import Settings, settings
from stack import checkup, cli, lifecycle, live_line, prompt, status, supervision
from stack.services import services

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("local_stack")]


@pytest.fixture
def online(local_stack: Settings) -> valkey.Valkey:
    store = local_stack.valkey
    return valkey.Valkey(store.host, store.port, password=store.password.get_secret_value(), decode_responses=True)


@pytest.fixture
def admin(local_stack: Settings) -> AdminClient:
    return AdminClient({"bootstrap.servers": local_stack.kafka.bootstrap_servers})


@pytest.fixture
def topic(admin: AdminClient) -> Iterator[str]:
    """Make a topic that no other test has, yield its name, and delete it."""
    name = f"shop.test-{uuid.uuid4().hex[:8]}"
    admin.create_topics([NewTopic(name, num_partitions=2)], operation_timeout=30)[name].result(30)
    yield name
    admin.delete_topics([name])[name].result(30)


def killed_and_back(name: str) -> None:
    """Kill -9 a service and wait until the supervisor has brought it back."""
    victim = psutil.Process(supervision.processes()[name]["pid"])
    os.kill(victim.pid, signal.SIGKILL)
    victim.wait(30)
    lifecycle.up(services(), services(), lambda name, seconds: None)
    assert supervision.processes()[name]["pid"] != victim.pid


def models(stack: Settings, password: str | None = None) -> httpx.Client:
    """Return a client of MLflow's interface with the settings' password, or another one."""
    login = (stack.mlflow.user, password or stack.mlflow.password.get_secret_value())
    return httpx.Client(base_url=f"{stack.mlflow.url}/api/2.0/mlflow/", auth=login, timeout=60)


def test_every_service_runs_within_its_memory() -> None:
    rows = {row.name: row for row in status.rows(services())}
    assert {row.state for row in rows.values()} == {"running"}
    assert all(row.resident_mb and row.resident_mb < 1800 for row in rows.values())
    assert set(lifecycle.start_seconds()) == set(rows)


def test_everything_listens_on_loopback_only() -> None:
    supervisor = psutil.Process(supervision.call("getPID"))
    sockets = [c for process in supervisor.children(recursive=True) for c in process.net_connections("inet")]
    listening = {c.laddr.ip.removeprefix("::ffff:") for c in sockets if c.status == psutil.CONN_LISTEN}
    assert listening == {"127.0.0.1"}


def test_postgresql_wants_the_password_and_has_both_databases(local_stack: Settings) -> None:
    pg = local_stack.postgres
    for database in (local_stack.catalog.database, "mlflow"):
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(host=pg.host, port=pg.port, user=pg.user, password="wrong", dbname=database)
        address = {"host": pg.host, "port": pg.port, "user": pg.user, "dbname": database}
        psycopg.connect(**address, password=pg.password.get_secret_value()).close()


def test_valkey_wants_the_password_and_never_drops_a_key(local_stack: Settings, online: valkey.Valkey) -> None:
    with pytest.raises(valkey.AuthenticationError):
        valkey.Valkey(local_stack.valkey.host, local_stack.valkey.port).ping()
    assert online.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}


def test_valkey_keeps_what_was_written_when_it_is_killed(online: valkey.Valkey) -> None:
    online.set("kept", "yes")
    killed_and_back("valkey")
    assert online.get("kept") == "yes"


def test_kafka_stamps_records_itself_and_makes_no_topic_by_accident(admin: AdminClient, topic: str) -> None:
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic)
    described = admin.describe_configs([resource])[resource].result(30)
    assert described["message.timestamp.type"].value == "LogAppendTime"
    refused: list[object] = []
    producer = Producer({"bootstrap.servers": settings().kafka.bootstrap_servers, "message.timeout.ms": 5000})
    producer.produce("shop.nobody-made-this", b"x", on_delivery=lambda error, _: refused.append(error))
    producer.flush(30)
    assert len(refused) == 1
    assert refused[0] is not None


def test_the_flow_counts_what_was_produced(admin: AdminClient, topic: str) -> None:
    until(lambda: live_line.offsets(admin, topic) == 0, "the new topic has a leader")
    looking = live_line.Looking()
    looking.look()
    producer = Producer({"bootstrap.servers": settings().kafka.bootstrap_servers})
    for number in range(100):
        producer.produce(topic, str(number).encode())
    producer.flush(30)
    assert live_line.offsets(admin, topic) == 100
    seen = looking.look()
    assert seen.events_per_s
    assert "events/s · newest order in gold: " in str(seen)


def test_the_registry_checks_every_earlier_version_and_keeps_ids_when_killed(local_stack: Settings) -> None:
    url, subject = local_stack.schema_registry.url, f"test-{uuid.uuid4().hex[:8]}-value"
    assert httpx.get(f"{url}/config").json()["compatibilityLevel"] == "BACKWARD_TRANSITIVE"
    schema = {"type": "record", "name": "R", "fields": [{"name": "a", "type": "string"}]}
    given = httpx.post(f"{url}/subjects/{subject}/versions", json={"schema": json.dumps(schema)}, timeout=30).json()
    killed_and_back("registry")
    assert json.loads(httpx.get(f"{url}/schemas/ids/{given['id']}", timeout=30).json()["schema"]) == schema


@pytest.mark.parametrize(
    "path", ["/", "/version", "/api/2.0/mlflow/registered-models/search", "/api/2.0/mlflow-artifacts/artifacts"]
)
def test_mlflow_wants_the_password(local_stack: Settings, path: str) -> None:
    url = f"{local_stack.mlflow.url}{path}"
    assert httpx.get(url, timeout=60).status_code == 401
    assert httpx.get(url, auth=(local_stack.mlflow.user, "wrong"), timeout=60).status_code == 401


def test_mlflow_takes_nothing_from_strangers(local_stack: Settings) -> None:
    url = f"{local_stack.mlflow.url}/api/2.0/mlflow-artifacts/artifacts/a-model"
    assert httpx.put(url, content=b"mine", timeout=60).status_code == 401
    with models(local_stack) as mlflow:
        assert mlflow.get(url).status_code == 404


def test_mlflow_started_again_takes_the_password_of_the_settings_whatever_it_took_before(local_stack: Settings) -> None:
    name, ours = local_stack.mlflow.user, local_stack.mlflow.password.get_secret_value()
    change = {"username": name, "password": "of-yesterday-evening", "current_password": ours}
    with models(local_stack) as mlflow:
        mlflow.patch("users/update-password", json=change).raise_for_status()
        assert mlflow.get("registered-models/search").status_code == 401
    killed_and_back("mlflow")
    with models(local_stack) as mlflow, models(local_stack, "of-yesterday-evening") as yesterday:
        assert mlflow.get("registered-models/search").status_code == 200
        assert yesterday.get("registered-models/search").status_code == 401


def test_trino_writes_and_reads_the_shared_catalogue(local_stack: Settings) -> None:
    prompt.answered("create schema if not exists lake.trial")
    prompt.answered("create table lake.trial.numbers as select * from (values 1, 2, 3) t(n);")
    (row,) = prompt.answered("select sum(n) as total from lake.trial.numbers").rows
    (place,) = prompt.answered('select min("$path") from lake.trial.numbers').rows
    assert list(row) == [6]
    assert str(place[0]).startswith(f"file://{local_stack.catalog.warehouse}/trial/")
    prompt.answered("drop table lake.trial.numbers")


def test_a_refused_query_is_one_sentence() -> None:
    with pytest.raises(ServiceUnreachable, match=r"Trino refused the query: .*nowhere"):
        prompt.answered("select * from lake.nowhere.nothing")


def test_the_prompt_answers_statements_and_survives_a_wrong_one() -> None:
    typed = "select 1 +\n 41 as answer;\nselect nonsense;\nselect 'still here';\n"
    shown = CliRunner().invoke(cli.app, ["sql"], input=typed)
    assert shown.exit_code == 0
    assert "42" in shown.output
    assert "Trino refused the query" in shown.output
    assert "still here" in shown.output


def test_one_query_is_answered_from_the_command_line() -> None:
    shown = CliRunner().invoke(cli.app, ["sql", "--query", "select 'eins' as word"])
    assert "word" in shown.output
    assert "eins" in shown.output


def test_status_shows_each_service_and_no_program_that_was_never_started() -> None:
    shown = CliRunner().invoke(cli.app, ["status", "--json"])
    assert shown.exit_code == 0
    assert [row["name"] for row in json.loads(shown.output)] == [service.name for service in services()]
    assert "not answering" not in CliRunner().invoke(cli.app, ["status"]).output


def test_up_again_is_quick_and_measures_each_service() -> None:
    shown = CliRunner().invoke(cli.app, ["up", "--json"])
    measured = json.loads(shown.stdout)
    assert shown.exit_code == 0
    assert set(measured["services"]) == {service.name for service in services()}
    assert all(service["resident_mb"] > 0 for service in measured["services"].values())


def test_doctor_finds_the_running_services_in_order() -> None:
    assert [str(finding) for finding in checkup.findings() if not finding.fine] == []
