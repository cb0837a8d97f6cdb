"""PostgreSQL's roles: an older cluster, where one superuser did everything, gets them by itself."""

from dataclasses import replace
from pathlib import Path

import psutil
import psycopg
import pytest

from pipelines.base.errors import ServiceUnreachable
from pipelines.base.settings import settings
from stack import folders, lifecycle, supervision
from stack.ports import some_free
from stack.service import nothing
from stack.services import postgres

pytestmark = pytest.mark.integration

OF_YESTERDAY = "password-of-yesterday"
CAP_DAC_OVERRIDE = 1 << 1


@pytest.fixture
def cluster(state: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cluster as an earlier release made it: all of its tables are its superuser's, who has a
    password.
    """
    monkeypatch.setenv("TIDEMARK_POSTGRES__PORT", str(some_free(1)[0]))
    settings.cache_clear()
    old = folders.state() / "data" / "postgres"
    postgres._init(old)
    superuser = f"alter role tidemark password '{OF_YESTERDAY}'"
    postgres._single_user(old, "postgres", ["create database lake", "create database mlflow", superuser])
    row = "insert into iceberg_tables values ('lake', 'gold', 'orders', 'file:///o.json', null, 'TABLE')"
    postgres._single_user(old, "lake", [postgres.CATALOGUE.read_text(), row])
    runs = "create table runs (id serial primary key, name text)"
    others = ["create view names as select name from runs", "create type stage as enum ('a')", "create sequence apart"]
    postgres._single_user(old, "mlflow", [runs, *others])
    return old


def up() -> None:
    """Start PostgreSQL anew, with the settings as they are now."""
    lifecycle.down([], lambda name, seconds: None)
    settings.cache_clear()
    lifecycle.up([postgres.service()], [postgres.service()], lambda name, seconds: None)


def connected(database: str, user: str, password: str) -> psycopg.Connection[tuple[object, ...]]:
    pg = settings().postgres
    return psycopg.connect(host=pg.host, port=pg.port, dbname=database, user=user, password=password, autocommit=True)


def test_an_older_cluster_goes_on_with_roles_and_without_a_superuser(cluster: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    up()
    pg = settings().postgres
    with postgres.connected("lake") as lake:
        assert lake.execute("select table_name from iceberg_tables").fetchall() == [("orders",)]
        assert lake.execute("select rolname from pg_roles where rolsuper and rolcanlogin").fetchall() == []
        lake.execute("alter table iceberg_tables add column owners_only int")
    mlflow = connected("mlflow", "mlflow", pg.mlflow_password.get_secret_value())
    with mlflow:
        mlflow.execute("alter table runs add column owners_only int")
        mlflow.execute("insert into runs (name) values ('first')")
        mlflow.execute("alter view names rename to names_of_runs")
        mlflow.execute("alter type stage add value 'b'")
        assert mlflow.execute("select nextval('apart')").fetchone() == (1,)
    with pytest.raises(psycopg.OperationalError, match=r"password authentication failed|not permitted to log in"):
        connected("postgres", "tidemark", OF_YESTERDAY)

    stamp = (cluster / "tidemark_roles").read_text()
    monkeypatch.setenv("TIDEMARK_POSTGRES__TRINO_PASSWORD", "another-from-now-on")
    up()
    connected("lake", "trino", "another-from-now-on").close()
    assert (cluster / "tidemark_roles").read_text() != stamp


def test_as_root_the_server_may_write_nothing_but_its_own(cluster: Path) -> None:
    up()
    server = psutil.Process(supervision.processes()["postgres"]["pid"])
    status = dict(line.split(":\t", 1) for line in Path(f"/proc/{server.pid}/status").read_text().splitlines())
    assert server.uids().effective != 0
    assert int(status["CapEff"], 16) & (CAP_DAC_OVERRIDE if postgres._may_search() else 0) == 0
    assert status["NoNewPrivs"] == ("1" if psutil.Process().uids().effective == 0 else "0")


def test_in_containers_the_superuser_sets_up_the_same_again_and_again(cluster: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEMARK_POSTGRES__SETUP_PASSWORD", OF_YESTERDAY)
    monkeypatch.setenv("TIDEMARK_POSTGRES__REGISTRY_PASSWORD", "of-the-registry")
    settings.cache_clear()
    image = replace(postgres.service(), prepare=nothing, finish=nothing, ready=takes_the_superuser)
    lifecycle.up([image], [image], lambda name, seconds: None)
    for _ in range(2):
        postgres.set_up_containers()
    with postgres.connected("lake") as lake:
        assert lake.execute("select table_name from iceberg_tables").fetchall() == [("orders",)]
    with connected("registry", "registry", "of-the-registry") as registry:
        registry.execute("create table artifacts (id int)")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            registry.execute("copy (select 1) to program 'true'")
    monkeypatch.setenv("TIDEMARK_POSTGRES__SETUP_PASSWORD", "another")
    settings.cache_clear()
    with pytest.raises(ServiceUnreachable, match="TIDEMARK_POSTGRES__SETUP_PASSWORD must be the password"):
        postgres.set_up_containers()


def takes_the_superuser() -> bool:
    try:
        connected("postgres", "tidemark", OF_YESTERDAY).close()
    except psycopg.OperationalError:
        return False
    return True


def test_the_superusers_name_is_no_services(cluster: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEMARK_POSTGRES__USER", "tidemark")
    with pytest.raises(ServiceUnreachable, match="the role tidemark is the superuser"):
        up()
