"""The API as a process of its own, as `make demo` runs it, beside a test's Valkey."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
from processes import running
from valkey_server import PASSWORD, ValkeyServer
from waiting import until

from stack.ports import some_free


def environment(server: ValkeyServer, **changes: str) -> dict[str, str]:
    """What makes the API a neighbour of the test's Valkey, with MLflow where nothing listens."""
    valkey = {"TIDEMARK_VALKEY__PORT": str(server.settings.port), "TIDEMARK_VALKEY__PASSWORD": PASSWORD}
    return {**valkey, "TIDEMARK_API__PORT": str(some_free(1)[0]), "TIDEMARK_MLFLOW__URL": "http://127.0.0.1:1", **changes}


def _ready(url: str) -> bool:
    with suppress(httpx.TransportError):
        return httpx.get(f"{url}/ready", timeout=60).is_success
    return False


@contextmanager
def an_api(log: Path, changes: dict[str, str]) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Run the API until the test is over, and yield it with its address once it is ready."""
    url = f"http://127.0.0.1:{changes['TIDEMARK_API__PORT']}"
    with running(log, "-m", "api", **changes) as process:
        until(lambda: _ready(url), "the API is ready", process)
        yield process, url
