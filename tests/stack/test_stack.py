"""The real stack: every service does what the others count on, keeps its state and keeps strangers
out.
"""

import json
import os
import signal
import ssl
import uuid
from base64 import b64encode
from collections.abc import Iterator
from ipaddress import ip_address

import httpx
import psutil
import psycopg
import pytest
import valkey
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic
from pydantic import SecretStr
from typer.testing import CliRunner
from waiting import until

from pipelines.base.errors import ServiceUnreachable
from pipelines.base.settings import Settings, settings
from stack import checkup, cli, guard, lifecycle, live_line, postgres_roles, prompt, status, supervision, trino_access
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


def database_of(stack: Settings, database: str, user: str, password: str) -> psycopg.Connection[tuple[object, ...]]:
    """Return a connection of a role to a database."""
    pg = stack.postgres
    return psycopg.connect(host=pg.host, port=pg.port, user=user, password=password, dbname=database, autocommit=True)


def models(stack: Settings, password: str | None = None) -> httpx.Client:
    """Return a client of MLflow's interface with the settings' password, or another one."""
    login = (stack.mlflow.user, password or stack.mlflow.password.get_secret_value())
    return httpx.Client(base_url=f"{stack.mlflow.url}/api/2.0/mlflow/", auth=login, timeout=60)


def test_every_service_runs_within_its_memory() -> None:
    rows = {row.name: row for row in status.rows(services())}
    assert {row.state for row in rows.values()} == {"running"}
    assert all(row.resident_mb and row.resident_mb < 1800 for row in rows.values())
    assert set(lifecycle.start_seconds()) >= set(rows)  # others of the stack may have been started since


def test_everything_listens_on_loopback_only() -> None:
    supervisor = psutil.Process(supervision.call("getPID"))
    sockets = [c for process in supervisor.children(recursive=True) for c in process.net_connections("inet")]
    listening = {c.laddr.ip.removeprefix("::ffff:") for c in sockets if c.status == psutil.CONN_LISTEN}
    assert [address for address in listening if not ip_address(address).is_loopback] == []


def test_each_role_of_postgresql_wants_its_password_and_has_its_own_database(local_stack: Settings) -> None:
    roles = {role.name: role.password for role in postgres_roles.local_roles(local_stack)}
    own = {**postgres_roles.databases(local_stack, postgres_roles.local_roles(local_stack))}
    for database, owner in own.items():
        database_of(local_stack, database, owner, roles[owner]).close()
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            database_of(local_stack, database, owner, "wrong")
        for other in roles.keys() - {owner, postgres_roles.TRINO}:
            with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
                database_of(local_stack, database, other, roles[other])


@pytest.mark.parametrize(
    "statement",
    [
        "copy (select 1) to program 'true'",
        "copy (select 1) to '/tmp/x'",
        "select pg_read_file('/etc/passwd')",
        "create role friend superuser",
        "alter system set log_statement to 'all'",
        "create database another",
    ],
)
def test_no_role_of_postgresql_is_a_superuser(local_stack: Settings, statement: str) -> None:
    for role in postgres_roles.local_roles(local_stack):
        database = postgres_roles.MLFLOW if role.name == postgres_roles.MLFLOW else local_stack.catalog.database
        connection = database_of(local_stack, database, role.name, role.password)
        with connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement.encode())


def test_trino_may_change_the_catalogue_and_not_its_tables(local_stack: Settings) -> None:
    password = local_stack.postgres.trino_password.get_secret_value()
    with database_of(local_stack, local_stack.catalog.database, postgres_roles.TRINO, password) as connection:
        connection.execute("delete from iceberg_tables where table_name = 'nowhere'")
        for statement in ("drop table iceberg_tables", "alter table iceberg_tables add column x int", "create table x (y int)"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement.encode())


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example"])
def test_a_foreign_host_gets_nothing_from_trino_and_the_registry(local_stack: Settings, host: str) -> None:
    trino = f"http://{local_stack.trino.host}:{local_stack.trino.port}"
    served = {f"{trino}/v1/info": 200, f"{trino}/ui/": 200, f"{local_stack.schema_registry.url}/subjects": 200}
    for url, code in served.items():
        assert httpx.get(url, timeout=60, follow_redirects=True).status_code == code
        refused = httpx.get(url, timeout=60, headers={"Host": host})
        assert (refused.status_code, refused.content) == (403, guard.REFUSAL)
    posted = httpx.post(f"{trino}/v1/statement", content="select 1", headers={"Host": host, "X-Trino-User": "x"})
    assert posted.status_code == 403


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


@pytest.fixture(scope="module")
def numbers(local_stack: Settings) -> Iterator[str]:
    """Make a table and a view of it as the admin, yield the table's name, and drop both."""
    for statement in (
        "create schema if not exists lake.trial",
        "create schema if not exists lake.vacant",
        "create table lake.trial.numbers as select * from (values 1, 2, 3) t(n);",
        "create view lake.trial.evens as select n from lake.trial.numbers where n % 2 = 0",
    ):
        prompt.answered(statement, admin=True)
    yield "lake.trial.numbers"
    for kind in ("view lake.trial.evens", "table lake.trial.numbers", "schema lake.trial", "schema lake.vacant"):
        prompt.answered(f"drop {kind}", admin=True)


def test_trinos_admin_writes_and_everybody_reads_the_shared_catalogue(local_stack: Settings, numbers: str) -> None:
    (row,) = prompt.answered(f"select sum(n) as total from {numbers}").rows
    (place,) = prompt.answered(f'select min("$path") from {numbers}').rows
    assert list(row) == [6]
    assert str(place[0]).startswith(f"file://{local_stack.catalog.warehouse}/trial/")


@pytest.mark.parametrize(
    "question",
    [
        "show catalogs",
        "show schemas from lake",
        "show tables from lake.trial",
        "describe lake.trial.numbers",
        "show stats for lake.trial.numbers",
        "explain select * from lake.trial.numbers",
        "explain analyze select * from lake.trial.numbers",
        'select snapshot_id from lake.trial."numbers$snapshots"',
        'select file_path from lake.trial."numbers$files"',
        "select n from lake.trial.evens",
        "select table_name from lake.information_schema.tables where table_schema = 'trial'",
        "select node_id from system.runtime.nodes",
        "select catalog_name from system.metadata.catalogs",
        "select table_name from system.jdbc.tables where table_cat = 'lake' and table_schem = 'trial'",
    ],
)
@pytest.mark.usefixtures("numbers")
def test_a_reader_may_ask(question: str) -> None:
    assert prompt.answered(question).rows


# Of what only reads, Trino's rules count as the owner's: show create.
FOR_THE_ADMIN = [
    "show create table lake.trial.numbers",
    "create schema lake.theirs",
    "drop schema lake.vacant",
    "create table lake.trial.theirs as select 1 as n",
    "create table lake.trial.theirs (n int)",
    "create or replace table lake.trial.numbers as select 1 as n",
    "drop table lake.trial.numbers",
    "insert into lake.trial.numbers values 4",
    "explain analyze insert into lake.trial.numbers values 4",
    "delete from lake.trial.numbers",
    "update lake.trial.numbers set n = 0",
    "truncate table lake.trial.numbers",
    "merge into lake.trial.numbers a using (select 1 as n) b on a.n = b.n when matched then delete",
    "alter table lake.trial.numbers add column m int",
    "alter table lake.trial.numbers rename to lake.trial.theirs",
    "alter table lake.trial.numbers set properties format_version = 2",
    "alter table lake.trial.numbers execute optimize",
    "alter table lake.trial.numbers execute expire_snapshots(retention_threshold => '7d')",
    "alter table lake.trial.numbers execute remove_orphan_files(retention_threshold => '7d')",
    "alter table lake.trial.numbers execute drop_extended_stats",
    "analyze lake.trial.numbers",
    "comment on table lake.trial.numbers is 'theirs'",
    "create view lake.trial.theirs as select 1 as n",
    "create or replace view lake.trial.evens as select 1 as n",
    "drop view lake.trial.evens",
    "create materialized view lake.trial.theirs as select 1 as n",
    "call lake.system.unregister_table('trial', 'numbers')",
    "call lake.system.rollback_to_snapshot('trial', 'numbers', 1)",
    "set session authorization admin",
]


@pytest.mark.parametrize("statement", FOR_THE_ADMIN)
def test_a_reader_who_writes_is_sent_to_the_admin(statement: str, numbers: str) -> None:
    with pytest.raises(ServiceUnreachable, match=r"^Trino refused the query: .*; only the admin may: make sql ADMIN=1$"):
        prompt.answered(statement)
    assert sorted(prompt.answered(f"select n from {numbers}").rows) == [[1], [2], [3]]


@pytest.mark.parametrize(
    "login",
    [
        {"X-Trino-User": "admin"},
        {"X-Trino-User": "Admin"},
        {"X-Trino-User": "reader", "X-Trino-Original-User": "admin"},
        {"X-Trino-User": "admin", "X-Trino-Original-User": "reader"},
        {"X-Trino-User": "reader", "X-Trino-Role": "system=ROLE{admin}"},
        {"X-Trino-User": "admin", "Authorization": f"Basic {b64encode(b'reader:').decode()}"},
        {"Authorization": f"Basic {b64encode(b'admin:').decode()}"},
        {"X-Trino-User": "admin", "X-Forwarded-Proto": "https"},
    ],
)
def test_over_http_nobody_is_the_admin(local_stack: Settings, numbers: str, login: dict[str, str]) -> None:
    url = f"http://{local_stack.trino.host}:{local_stack.trino.port}/v1/statement"
    answer = httpx.post(url, content=f"delete from {numbers}", headers=login, timeout=60)
    while answer.is_success and "nextUri" in answer.json():
        answer = httpx.get(answer.json()["nextUri"], headers=login, timeout=60)
    assert not answer.is_success or answer.json()["error"]["errorName"] == "PERMISSION_DENIED"
    assert len(prompt.answered(f"select n from {numbers}").rows) == 3


def test_over_https_only_the_admins_token_is_taken(local_stack: Settings) -> None:
    url = f"https://{local_stack.trino.host}:{local_stack.trino.https_port}/v1/statement"
    other = local_stack.model_copy(update={"trino": local_stack.trino.model_copy(update={"password": SecretStr("x")})})
    signed = {trino_access.token(local_stack): 200, trino_access.token(other): 401, trino_access.token(local_stack, 1.0): 401}
    logins = {f"Bearer {token}": code for token, code in signed.items()} | {"Basic YWRtaW46": 401, "": 401}
    context = ssl.create_default_context(cafile=str(trino_access.certificate()))
    for login, code in logins.items():
        headers = {"X-Trino-User": "admin", "Authorization": login}
        assert httpx.post(url, content="select 1", headers=headers, verify=context, timeout=60).status_code == code


def test_whose_key_is_another_gets_one_sentence(local_stack: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEMARK_TRINO__PASSWORD", "of-tomorrow-morning")
    settings.cache_clear()
    with pytest.raises(
        ServiceUnreachable, match=r"^Trino let nobody in .*; after TIDEMARK_TRINO__PASSWORD has changed: make down"
    ):
        prompt.answered("select 1", admin=True)
    monkeypatch.undo()
    settings.cache_clear()


def test_the_admins_prompt_is_asked_for_by_name(numbers: str) -> None:
    refused = CliRunner().invoke(cli.app, ["sql", "--query", f"delete from {numbers} where n > 9"])
    assert isinstance(refused.exception, ServiceUnreachable)
    done = CliRunner().invoke(cli.app, ["sql", "--admin", "--query", f"delete from {numbers} where n > 9"])
    assert done.exit_code == 0


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
