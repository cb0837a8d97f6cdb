"""Trino, one node, started without its launcher (the wheel's Java lacks a module that one adds).

Where it is for this machine only, it stands behind a door that foreign names do not pass.
"""

import httpx

from pipelines.base import java
from pipelines.base.paths import ROOT
from pipelines.base.settings import settings
from stack import folders, guard, postgres_roles, trino_access
from stack.service import Service

HOME = folders.UNPACKED / "trino"
CONF = ROOT / "conf" / "trino"


def _prepare() -> None:
    """Put the catalogue's file in place under the catalogue's name, its values come from the
    environment; and the files that say who may do what.
    """
    trino_access.write(settings())
    catalogs = folders.made(folders.data("trino") / "catalog")
    for old in catalogs.glob("*.properties"):
        old.unlink()
    text = (CONF / "catalog" / "lake.properties").read_text()
    (catalogs / f"{settings().catalog.name}.properties").write_text(text)


def _ready() -> bool:
    trino = settings().trino
    try:
        answer = httpx.get(f"http://{trino.host}:{trino.port}/v1/info", timeout=3)
    except httpx.TransportError:
        return False
    return answer.is_success and answer.json()["starting"] is False


def _environment() -> dict[str, str]:
    """Return what conf/trino/*.properties ask for."""
    pg, lake, trino = settings().postgres, settings().catalog, settings().trino
    return {
        "TRINO_ADDRESS": _address(),
        "TRINO_PORT": str(trino.port),
        "TRINO_HTTPS_PORT": str(trino.https_port),
        "TRINO_READER": trino.user,
        "TRINO_FILES": str(folders.data("trino")),
        "TRINO_CATALOGS": str(folders.data("trino") / "catalog"),
        "TRINO_PLUGINS": str(HOME / "plugins"),
        "CATALOG_NAME": lake.name,
        "CATALOG_URL": f"jdbc:postgresql://{pg.host}:{pg.port}/{lake.database}",
        "CATALOG_USER": postgres_roles.TRINO,
        "CATALOG_WAREHOUSE": settings().warehouse,
    }


def _flags() -> list[str]:
    return [line for line in (CONF / "jvm.config").read_text().splitlines() if line and not line.startswith("#")]


def _address() -> str:
    """Return where Trino itself listens: not where everybody looks, if it has a door."""
    host = settings().trino.host
    return guard.hidden_address(f"trino {folders.random_text()}") if guard.is_guarded(host) else host


def _doors() -> list[guard.Door]:
    trino, address = settings().trino, _address()
    if not guard.is_guarded(trino.host):
        return []
    https = guard.Door((trino.host, trino.https_port), (address, trino.https_port), checked=False)
    return [guard.Door((trino.host, trino.port), (address, trino.port)), https]


def _node() -> dict[str, str]:
    host = _address()
    return {
        "node.environment": "tidemark",
        "node.id": "tidemark-1",
        "node.data-dir": str(folders.data("trino")),
        "node.bind-ip": host,
        "node.internal-address": host,
        "config": str(CONF / "config.properties"),
        "log.enable-console": "true",
    }


def service() -> Service:
    """Return how Trino runs here: on loopback, 1536 MB of heap, only the Iceberg plugin."""
    properties = [f"-D{k}={v}" for k, v in _node().items()]
    command = [str(java.newer()), "-cp", f"{HOME}/lib/*", *_flags(), *properties, "io.trino.server.TrinoServer"]
    trino, doors = settings().trino, _doors()
    return Service(
        name="trino",
        command=guard.guarded(command, doors) if doors else command,
        ready=_ready,
        ports={"TIDEMARK_TRINO__PORT": trino.port, "TIDEMARK_TRINO__HTTPS_PORT": trino.https_port},
        prepare=_prepare,
        needs=("postgres",),
        environment=_environment(),
        secrets={
            "CATALOG_PASSWORD": settings().postgres.trino_password.get_secret_value(),
            "TRINO_SHARED_SECRET": trino_access.internal_secret(settings()),
        },
    )
