"""The schema registry: Apicurio, which speaks Confluent's API."""

from pathlib import Path
from urllib.parse import urlsplit

import httpx

from pipelines.base import java
from pipelines.base.settings import settings
from stack import folders, guard
from stack.service import Service

HOME = folders.UNPACKED / "registry"


def _properties(host: str, port: int, folder: Path) -> dict[str, str]:
    """Return Apicurio's settings.

    WRITE_DELAY=0 matters: without it a kill right after a registration loses it, and its id is
    given to another schema.
    """
    return {
        "quarkus.http.host": host,
        "quarkus.http.port": str(port),
        "quarkus.management.host": host,
        "quarkus.management.port": str(port + 1),
        "apicurio.datasource.url": f"jdbc:h2:file:{folder}/registry;DB_CLOSE_ON_EXIT=FALSE;WRITE_DELAY=0",
        "apicurio.datasource.jdbc.initial-size": "2",
        "apicurio.datasource.jdbc.min-size": "2",
        "apicurio.datasource.jdbc.max-size": "8",
        "apicurio.rules.global.compatibility": "BACKWARD_TRANSITIVE",
        # Its own default lies in the machine's shared folder, where a second user may not write.
        "vertx.cacheDirBase": f"{folder}/vertx-cache",
    }


def _ready() -> bool:
    try:
        return httpx.get(f"{settings().schema_registry.url}/subjects", timeout=3).is_success
    except httpx.TransportError:
        return False


def service() -> Service:
    """Return how the registry runs here: on loopback behind a door that foreign names do not pass,
    192 MB of heap, its own database file.
    """
    url = urlsplit(settings().schema_registry.url)
    host, port = url.hostname or "127.0.0.1", url.port or 80
    address = guard.hidden_address(f"registry {folders.random_text()}") if guard.is_guarded(host) else host
    flags = ["-Xmx192m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:+ExitOnOutOfMemoryError"]
    properties = [f"-D{k}={v}" for k, v in _properties(address, port, folders.data("registry")).items()]
    command = [str(java.newer()), *flags, *properties, "-jar", str(HOME / "quarkus-run.jar")]
    return Service(
        name="registry",
        command=guard.guarded(command, [guard.Door((host, port), (address, port))]) if address != host else command,
        ready=_ready,
        ports={"TIDEMARK_SCHEMA_REGISTRY__URL": port, "TIDEMARK_SCHEMA_REGISTRY__URL (+1, its health)": port + 1},
    )
