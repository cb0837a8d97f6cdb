"""How the six services and the four programs are run: on loopback, bounded, and with no secret to
be seen.
"""

import os
from pathlib import Path

import pytest

from pipelines.base.errors import SettingsError
from pipelines.base.settings import read, settings
from stack import folders, postgres_roles
from stack.programs import programs
from stack.services import mlflow, postgres, services, trino

PASSWORDS = [
    *(f"TIDEMARK_{name}__PASSWORD" for name in ("POSTGRES", "VALKEY", "MLFLOW", "TRINO")),
    *("TIDEMARK_POSTGRES__TRINO_PASSWORD", "TIDEMARK_POSTGRES__MLFLOW_PASSWORD", "TIDEMARK_API__KEYS"),
]
BOUNDS = {"kafka": "-Xmx512m", "registry": "-Xmx192m", "trino": "-Xmx1536M", "postgres": "--shared_buffers=64MB"}

pytestmark = pytest.mark.usefixtures("state")


def test_there_are_six_services_and_four_programs() -> None:
    assert [s.name for s in services()] == ["postgres", "valkey", "kafka", "registry", "mlflow", "trino"]
    assert [p.name for p in programs(200)] == ["streams", "simulator", "dash", "api"]


def test_no_password_is_in_a_command_or_a_written_environment() -> None:
    passwords = [os.environ[name] for name in PASSWORDS]
    for service in [*services(), *programs(200)]:
        visible = " ".join([*service.command, *service.environment.values(), repr(service)])
        assert not [password for password in passwords if password in visible]


def test_mlflow_says_which_password_is_too_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEMARK_MLFLOW__PASSWORD", "too-short")
    settings.cache_clear()
    with pytest.raises(SettingsError, match="set a longer TIDEMARK_MLFLOW__PASSWORD"):
        mlflow.service().prepare()


def test_the_registry_s_cache_lies_where_a_second_user_of_the_machine_has_one_too() -> None:
    (registry,) = (service for service in services() if service.name == "registry")
    assert f"-Dvertx.cacheDirBase={folders.data('registry')}/vertx-cache" in registry.command
    assert folders.data("registry").is_relative_to(settings().state)


def test_memory_is_bounded() -> None:
    commands = {service.name: service.command for service in services()}
    assert [name for name, bound in BOUNDS.items() if bound not in commands[name]] == []


def test_no_two_services_share_a_port() -> None:
    ports = [port for service in [*services(), *programs(200)] for port in service.ports.values()]
    assert len(set(ports)) == len(ports)


def test_programs_stop_before_the_services_they_use() -> None:
    needed = {program.name: set(program.needs) for program in programs(200)}
    assert needed["streams"] >= {"kafka", "registry", "postgres", "valkey", "mlflow"}
    assert "trino" in needed["dash"]
    assert "kafka" in needed["simulator"]
    assert needed["api"] == {"valkey"}


def test_the_rate_reaches_the_simulator() -> None:
    assert programs(75)[1].command[-3:] == ["--rate", "75", "--steady"]


def test_the_page_gets_its_settings_from_the_environment() -> None:
    environment = programs(200)[2].environment
    assert environment["TIDEMARK_TRINO__PORT"] == str(settings().trino.port)
    assert environment["TIDEMARK_DASH__PORT"] == str(settings().dash.port)
    assert environment["TIDEMARK_CATALOG__NAME"] == settings().catalog.name


def test_root_hands_postgresql_to_nobody_who_has_no_capability_where_all_may_pass(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    closed = tmp_path / "closed" / "data"
    closed.mkdir(parents=True)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert postgres.unprivileged(closed) == []
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert "--reuid=65534" in postgres.unprivileged(Path("/usr/lib"))
    assert [word for word in postgres.unprivileged(Path("/usr/lib")) if "caps" in word] == []
    closed.parent.chmod(0o700)
    way = "+dac_read_search" if postgres._may_search() else "+dac_override"
    assert [f"--inh-caps={way}", f"--ambient-caps={way}"] == [w for w in postgres.unprivileged(closed) if "caps" in w]


@pytest.mark.parametrize("name", ["TRINO", "MLFLOW"])
def test_a_role_without_a_password_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(f"TIDEMARK_POSTGRES__{name}_PASSWORD")
    with pytest.raises(SettingsError, match=f"TIDEMARK_POSTGRES__{name}_PASSWORD: run make up"):
        postgres_roles.local_roles(read(dict(os.environ)))


def test_the_catalogue_in_trino_has_the_name_of_the_settings(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("lake", "pond"):
        monkeypatch.setenv("TIDEMARK_CATALOG__NAME", name)
        settings.cache_clear()
        trino.service().prepare()
    assert [file.name for file in (state / "data" / "trino" / "catalog").iterdir()] == ["pond.properties"]
