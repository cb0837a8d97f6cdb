"""The containers: valid by the Compose specification, and as closed, bounded and complete as the
local stack.
"""

import re
import subprocess
import sys
import tomllib
from ipaddress import ip_address
from typing import Any

import pytest
import yaml

from pipelines.base.paths import ROOT
from stack import findings, postgres_roles
from stack.programs import programs
from stack.services import services

FILE = ROOT / "docker-compose.yml"
CONTAINERS: dict[str, dict[str, Any]] = yaml.safe_load(FILE.read_text())["services"]
RUNNING = {name: c for name, c in CONTAINERS.items() if c["restart"] != "no"}


def test_it_is_valid_by_the_compose_specification() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(FILE)]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


@pytest.mark.usefixtures("state")
def test_it_runs_what_the_local_stack_runs() -> None:
    assert set(RUNNING) == {service.name for service in [*services(), *programs(200)]}


@pytest.mark.usefixtures("state")
def test_its_programs_are_started_as_in_the_demo() -> None:
    for program in programs(200):
        command = [word.replace("${RATE:-200}", "200") for word in RUNNING[program.name]["command"]]
        assert command == ["python", *program.command[1:]]


def test_the_page_of_spark_listens_where_its_published_port_leads() -> None:
    """Spark binds its page to SPARK_LOCAL_IP, which pipelines/streaming/session.py sets to loopback
    where nobody else has.
    """
    showing = [c for c in CONTAINERS.values() if any(port.endswith(":4040") for port in c.get("ports", []))]
    (address,) = (c["environment"]["SPARK_LOCAL_IP"] for c in showing)
    assert ip_address(address).is_unspecified


def test_a_container_with_variables_of_its_own_keeps_the_settings_of_all() -> None:
    shared = CONTAINERS["contracts"]["environment"]
    assert shared.items() <= CONTAINERS["streams"]["environment"].items()


def test_it_publishes_the_local_ports_on_loopback_only() -> None:
    published = [port for container in CONTAINERS.values() for port in container.get("ports", [])]
    assert [port for port in published if not port.startswith("127.0.0.1:")] == []
    assert {int(port.split(":")[1]) for port in published} == set(findings.default_ports().values())


@pytest.mark.parametrize("name", CONTAINERS)
def test_each_container_is_bounded_and_nobody_special(name: str) -> None:
    container = CONTAINERS[name]
    assert container["user"] not in ("root", "0", "0:0")
    assert container["cap_drop"] == ["ALL"]
    assert container["mem_limit"]


@pytest.mark.parametrize("name", sorted(RUNNING.keys() - {"simulator"}))
def test_each_service_has_a_health_check(name: str) -> None:
    assert RUNNING[name]["healthcheck"]["test"]


def test_everything_waits_for_something_that_exists_and_can_be_waited_for() -> None:
    waits = [(c["depends_on"][on]["condition"], on) for c in CONTAINERS.values() for on in c.get("depends_on", {})]
    assert [on for how, on in waits if how == "service_healthy" and "healthcheck" not in CONTAINERS[on]] == []
    assert [on for how, on in waits if how == "service_completed_successfully" and CONTAINERS[on]["restart"] != "no"] == []


def test_no_secret_is_written_into_it() -> None:
    variables = [(k, v) for c in CONTAINERS.values() for k, v in c.get("environment", {}).items()]
    written = [(k, v) for k, v in variables if ("PASSWORD" in k or "AUTH" in k) and not k.endswith(("_PATH", "_USERNAME"))]
    secrets = [(k, v) for k, v in written if not v.startswith(("--", "${TIDEMARK_"))]
    assert len(written) > 3
    assert secrets == []


def test_every_service_has_a_role_of_its_own() -> None:
    given = {name: container.get("environment", {}) for name, container in CONTAINERS.items()}
    roles = {
        "registry": (given["registry"]["APICURIO_DATASOURCE_USERNAME"], given["registry"]["APICURIO_DATASOURCE_PASSWORD"]),
        "mlflow": (given["mlflow"]["PGUSER"], given["mlflow"]["PGPASSWORD"]),
        "trino": (given["trino"]["CATALOG_USER"], given["trino"]["CATALOG_PASSWORD"]),
    }
    assert roles == {name: (name, f"${{TIDEMARK_POSTGRES__{name.upper()}_PASSWORD}}") for name in roles}
    assert given["postgres"]["POSTGRES_USER"] == postgres_roles.SUPERUSER
    assert tomllib.loads((ROOT / "conf" / "cluster.toml").read_text())["postgres"]["user"] != postgres_roles.SUPERUSER


@pytest.mark.usefixtures("state")
def test_trino_gets_all_that_its_files_ask_for_here_and_there() -> None:
    files = list((ROOT / "conf" / "trino").rglob("*.properties"))
    wanted = {name for file in files for name in re.findall(r"\$\{ENV:(\w+)\}", file.read_text())}
    (local,) = (service for service in services() if service.name == "trino")
    assert len(wanted) > 10
    assert wanted <= CONTAINERS["trino"]["environment"].keys()
    assert wanted <= {*local.environment, *local.secrets}


def test_the_lake_of_the_cluster_is_where_trino_looks_for_it() -> None:
    cluster = tomllib.loads((ROOT / "conf" / "cluster.toml").read_text())
    assert CONTAINERS["trino"]["environment"]["CATALOG_WAREHOUSE"] == f"file://{cluster['catalog']['warehouse']}"
    assert cluster["checkpoints"]["path"].startswith(f"{cluster['state']}/")


def test_the_image_installs_with_the_programs_of_its_own_environment() -> None:
    """A shell that has found `python` once goes on with that one, whatever has come before it on
    the path.
    """
    commands = (ROOT / "Dockerfile").read_text()
    assert ".venv/bin/python -m pip" in commands
    assert re.findall(r"(?<!\.venv/bin/)\b(?:python -m pip|uv pip)", commands) == []
