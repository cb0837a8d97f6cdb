"""Trino, one node, started without its launcher (the wheel's Java lacks a module that one adds)."""

import httpx

from pipelines.base import java
from pipelines.base.paths import ROOT
from pipelines.base.settings import settings
from stack import folders
from stack.service import Service

HOME = folders.UNPACKED / "trino"
CONF = ROOT / "conf" / "trino"


def _prepare() -> None:
    """Put the catalogue's file in place under the catalogue's name; its values come from the
    environment.
    """
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
    pg, lake = settings().postgres, settings().catalog
    return {
        "TRINO_PORT": str(settings().trino.port),
        "TRINO_CATALOGS": str(folders.data("trino") / "catalog"),
        "TRINO_PLUGINS": str(HOME / "plugins"),
        "CATALOG_NAME": lake.name,
        "CATALOG_URL": f"jdbc:postgresql://{pg.host}:{pg.port}/{lake.database}",
        "CATALOG_USER": pg.user,
        "CATALOG_WAREHOUSE": settings().warehouse,
    }


def _flags() -> list[str]:
    return [line for line in (CONF / "jvm.config").read_text().splitlines() if line and not line.startswith("#")]


def _node() -> dict[str, str]:
    host = settings().trino.host
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
    return Service(
        name="trino",
        command=[str(java.newer()), "-cp", f"{HOME}/lib/*", *_flags(), *properties, "io.trino.server.TrinoServer"],
        ready=_ready,
        ports={"TIDEMARK_TRINO__PORT": settings().trino.port},
        prepare=_prepare,
        needs=("postgres",),
        environment=_environment(),
        secrets={"CATALOG_PASSWORD": settings().postgres.password.get_secret_value()},
    )
