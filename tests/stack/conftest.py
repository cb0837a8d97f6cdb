"""What the stack's tests share: settings of their own and small real programs to supervise."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from pipelines.base.settings import settings
from stack import lifecycle, supervision
from stack.ports import some_free
from stack.service import Service

Page = Callable[..., Service]


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Yield an empty state folder that the settings name for this test; whatever runs in it is
    taken down.
    """
    monkeypatch.setenv("TIDEMARK_STATE", str(tmp_path / "state"))
    settings.cache_clear()
    yield tmp_path / "state"
    if supervision.alive():
        lifecycle.down([], lambda name, seconds: None)
    settings.cache_clear()


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}", timeout=2).is_success
    except httpx.TransportError:
        return False


@pytest.fixture
def page(tmp_path: Path) -> Page:
    """Return a builder of services: Python's own web server on a free port, which answers like any
    service of ours.
    """
    (tmp_path / "index.html").write_text("here")

    def build(name: str = "page", **changes: object) -> Service:
        port = some_free(1)[0]
        command = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1", "--directory", str(tmp_path)]
        given = {"command": command, "ready": lambda: _answers(port), "ports": {"PAGE_PORT": port}, **changes}
        return Service(name=name, **given)  # type: ignore[arg-type]

    return build
