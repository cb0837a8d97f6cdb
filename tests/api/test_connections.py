"""Who connects and sends nothing, little, or too much, on real sockets: closed in time, and never
in the way of who asks.
"""

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI, Request
from waiting import until

from api.__main__ import server
from api.connections import MOST_HEAD_BYTES
from pipelines.base.settings import Api, settings

MOST = 8
HALF = b"POST /read HTTP/1.1\r\nHost: x\r\n"
WHOLE = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"

app = FastAPI()


@app.get("/health")
async def health() -> str:
    """Answer at once."""
    return "alive"


@app.post("/read")
async def read(request: Request) -> int:
    """Answer once the body is whole."""
    return len(await request.body())


class Served:
    """A server of that application on a port of its own."""

    def __init__(self, limits: Api) -> None:
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listening.getsockname()[1]
        self.server: uvicorn.Server = server(app, limits)
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.listening]}, daemon=True)

    def connected(self, sent: bytes = b"") -> socket.socket:
        """A connection that has sent something."""
        made = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        made.sendall(sent)
        return made

    def answers(self) -> bool:
        """Whether a good request is answered."""
        return httpx.get(f"http://127.0.0.1:{self.port}/health", timeout=60).status_code == 200


@contextmanager
def running(**changes: Any) -> Iterator[Served]:
    limits = settings().api.model_copy(update={"max_connections": MOST, "request_within_s": 300.0, **changes})
    served = Served(limits)
    served.thread.start()
    try:
        until(lambda: served.server.started, "the server has started")
        yield served
    finally:
        served.server.should_exit = True
        served.thread.join(60)
        served.listening.close()


@pytest.fixture(scope="module")
def patient() -> Iterator[Served]:
    """A server of few connections that have much time."""
    with running() as served:
        yield served


@pytest.fixture(scope="module")
def hasty() -> Iterator[Served]:
    """A server whose requests must come within the blink of an eye."""
    with running(request_within_s=0.2) as served:
        yield served


def answer(connection: socket.socket) -> bytes:
    """Return all that comes until the server closes."""
    parts = iter(lambda: connection.recv(65536), b"")
    return b"".join(parts)


@pytest.mark.parametrize("sent", [b"", HALF])
def test_many_who_send_nothing_or_half_a_request_keep_nobody_out(patient: Served, sent: bytes) -> None:
    with ExitStack() as held:
        for _ in range(5 * MOST):
            held.enter_context(closing(patient.connected(sent)))
        assert patient.answers()
        until(lambda: len(patient.server.server_state.connections) <= MOST, "no more are open than may be", within_s=30)


def test_who_has_asked_before_stays_when_strangers_come(patient: Served) -> None:
    with ExitStack() as held:
        known = held.enter_context(closing(patient.connected(WHOLE)))
        assert known.recv(65536).startswith(b"HTTP/1.1 200")
        for _ in range(3 * MOST):
            held.enter_context(closing(patient.connected(HALF)))
        until(lambda: len(patient.server.server_state.connections) == MOST, "all have been taken", within_s=30)
        known.sendall(WHOLE)
        assert known.recv(65536).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("sent", [b"", HALF])
def test_a_head_that_does_not_come_is_waited_for_no_longer(hasty: Served, sent: bytes) -> None:
    with closing(hasty.connected(sent)) as slow:
        assert answer(slow).startswith(b"HTTP/1.1 408 ")


def test_a_body_that_does_not_come_is_waited_for_no_longer(hasty: Served) -> None:
    with closing(hasty.connected(HALF + b"Content-Length: 9\r\n\r\nhalf")) as slow:
        assert answer(slow) == b""
    assert hasty.answers()


def test_the_next_request_has_its_own_time(hasty: Served) -> None:
    with closing(hasty.connected(WHOLE)) as slow:
        assert slow.recv(65536).startswith(b"HTTP/1.1 200")
        slow.sendall(HALF)
        assert answer(slow).startswith(b"HTTP/1.1 408 ")


def test_headers_without_end_are_cut_off(patient: Served) -> None:
    line = b"X-A: aaaaaaaaaaaaaaaa\r\n"
    with closing(patient.connected(HALF)) as flood, pytest.raises((BrokenPipeError, ConnectionResetError)):
        flood.sendall(line * (100 * MOST_HEAD_BYTES // len(line)))
    assert patient.answers()
