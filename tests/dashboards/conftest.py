"""A page that really runs, and a way to ask it what a browser asks."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import httpx
import pytest
import waitress  # type: ignore[import-untyped]  # it ships no types

from dashboards.app import page
from dashboards.settings import Settings

Fire = Callable[..., httpx.Response]


@contextmanager
def _served(chosen: Settings) -> Iterator[httpx.Client]:
    """Serve the page on a free port of loopback and yield a client of it."""
    server = waitress.create_server(page(chosen), host="127.0.0.1", port=0, threads=4)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    with httpx.Client(base_url=f"http://127.0.0.1:{server.effective_port}", timeout=60) as client:
        yield client
    server.close()
    thread.join(10)


def _fire(client: httpx.Client, output: str, **inputs: object) -> httpx.Response:
    """Call the callback that fills `output`, as the browser does; inputs are named `tick__n_intervals=1`."""
    callback = next(c for c in client.get("/_dash-dependencies").json() if f"{output}." in c["output"])
    given = {name.replace("__", "."): value for name, value in inputs.items()}
    outputs = [dict(zip(("id", "property"), o.rsplit(".", 1), strict=True)) for o in callback["output"].strip(".").split("...")]
    asked = {
        "output": callback["output"],
        "outputs": outputs if callback["output"].startswith("..") else outputs[0],
        "inputs": [{**i, "value": given.get(f"{i['id']}.{i['property']}")} for i in callback["inputs"]],
        "changedPropIds": ["tick.n_intervals"],
    }
    return client.post("/_dash-update-component", json=asked)


def _shown(part: Any) -> str:
    """Every word in the JSON of a part of the page, as one string."""
    if isinstance(part, list):
        return " ".join(_shown(p) for p in part)
    if isinstance(part, dict):
        return _shown(part["props"].get("children"))
    return "" if part is None else str(part)


@pytest.fixture(scope="session")
def fire() -> Fire:
    """How to call a callback of a served page."""
    return _fire


@pytest.fixture(scope="session")
def shown() -> Callable[[Any], str]:
    """How to read the words of an answer."""
    return _shown


@pytest.fixture(scope="session")
def served() -> Callable[[Settings], AbstractContextManager[httpx.Client]]:
    """How to serve a page on a free port."""
    return _served


@pytest.fixture(scope="module")
def without_trino() -> Iterator[httpx.Client]:
    """A page whose Trino is not there: nothing listens on port 1."""
    with _served(Settings(trino_port=1)) as client:
        yield client
