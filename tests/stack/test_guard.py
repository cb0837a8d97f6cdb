"""The door before a server that takes any Host: this machine's names pass, foreign ones get
nothing, and both end together.
"""

import contextlib
import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from processes import running, runs
from waiting import until

from stack import guard
from stack.guard import Door
from stack.ports import some_free

HERE = "127.0.0.1"
GOOD = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"

# Says what it got, and to each piece of it how long that was, until it is closed.
ECHO = """
import socketserver, sys
class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        while piece := self.request.recv(65536):
            self.request.sendall(b"got " + piece)
socketserver.ThreadingTCPServer.daemon_threads = True
socketserver.ThreadingTCPServer.allow_reuse_address = True
host, *ports = sys.argv[1:]
servers = [socketserver.ThreadingTCPServer((host, int(port)), Echo) for port in ports]
import threading
for server in servers[1:]:
    threading.Thread(target=server.serve_forever, daemon=True).start()
servers[0].serve_forever()
"""


def head(*lines: str) -> bytes:
    return "\r\n".join(lines).encode("latin-1")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:18080", "localhost:1", "LOCALHOST", "localhost."])
def test_this_machine_is_known_by_its_names(host: str) -> None:
    assert guard.names_this_machine(head("GET / HTTP/1.1", f"Host: {host}", "X: y", ""))
    assert guard.names_this_machine(head(f"GET http://{host}/v1/info HTTP/1.1", f"host:{host}", ""))


@pytest.mark.parametrize(
    "lines",
    [
        ("GET / HTTP/1.1", "Host: evil.example"),
        ("GET / HTTP/1.1", "Host: evil.example:18080"),
        ("GET / HTTP/1.1", "Host: 127.0.0.1.evil.example"),
        ("GET / HTTP/1.1", "Host: localhost@evil.example"),
        ("GET / HTTP/1.1", "Host: 127.0.0.1, evil.example"),
        ("GET / HTTP/1.1", "Host:"),
        ("GET / HTTP/1.1", "X-Forwarded-Host: localhost"),
        ("GET / HTTP/1.1", "Host: localhost", "Host: evil.example"),
        ("GET / HTTP/1.1", "Host: localhost\nHost: evil.example"),
        ("GET http://evil.example/ HTTP/1.1", "Host: localhost"),
        ("PRI * HTTP/2.0",),
        ("GET / HTTP/1.0",),
        ("GET /?a=\u00e9 HTTP/1.1", "Host: \u00e9vil"),
    ],
)
def test_whoever_names_another_or_none_is_a_stranger(lines: tuple[str, ...]) -> None:
    assert not guard.names_this_machine(head(*lines, ""))


def test_the_hidden_address_is_one_of_loopback_and_another_for_each_secret() -> None:
    addresses = {guard.hidden_address(str(number)) for number in range(500)}
    assert len(addresses) > 490
    assert {address.split(".")[0] for address in addresses} == {"127"}
    assert not addresses & {HERE, "127.0.0.0"}
    assert guard.hidden_address("a") == guard.hidden_address("a")


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Door, Door, psutil.Process]]:
    """A checked door and one that is not, before a server, and that server."""
    web, tls = some_free(2)
    hidden, log = guard.hidden_address("tests"), tmp_path_factory.mktemp("guard") / "log"
    checked, unchecked = Door((HERE, web), (hidden, web)), Door((HERE, tls), (hidden, tls), checked=False)
    command = guard.guarded([sys.executable, "-c", ECHO, hidden, str(web), str(tls)], [checked, unchecked])
    with running(log, *command[1:]) as process:
        until(lambda: answers(checked), "the server answers", process)
        yield checked, unchecked, psutil.Process(process.pid)


def answers(door: Door) -> bool:
    """Whether the server behind a door can be reached."""
    with contextlib.suppress(ConnectionError):
        return bool(sent_through(door, GOOD))
    return False


def sent_through(door: Door, *pieces: bytes) -> bytes:
    """What comes back through a door after these pieces, until it is closed."""
    with socket.create_connection(door.known, timeout=60) as connection:
        for piece in pieces:
            connection.sendall(piece)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.programs
def test_what_names_this_machine_passes_whole_also_in_pieces_and_with_a_body(doors: tuple[Door, Door, psutil.Process]) -> None:
    body = b"x" * 300_000
    came = sent_through(doors[0], b"POST / HTTP/1.1\r\nHo", b"st: 127.0.0.1:1\r\n", b"\r\n", body)
    assert came.replace(b"got ", b"") == b"POST / HTTP/1.1\r\nHost: 127.0.0.1:1\r\n\r\n" + body


@pytest.mark.programs
def test_a_foreign_name_gets_a_sentence_and_nothing_of_the_server(doors: tuple[Door, Door, psutil.Process]) -> None:
    came = sent_through(doors[0], b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n")
    assert came.startswith(b"HTTP/1.1 403 ")
    assert came.endswith(guard.REFUSAL)
    assert b"got" not in came


@pytest.mark.programs
@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHost: localhost\r\n", b"x" * 300_000])
def test_what_is_no_request_gets_nothing(doors: tuple[Door, Door, psutil.Process], sent: bytes) -> None:
    came = b""
    with contextlib.suppress(OSError):  # closed while more was sent
        came = sent_through(doors[0], sent)
    assert came == b""


@pytest.mark.programs
def test_what_is_encrypted_passes_as_it_is(doors: tuple[Door, Door, psutil.Process]) -> None:
    assert sent_through(doors[1], b"\x16\x03\x01") == b"got \x16\x03\x01"


@pytest.mark.programs
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_the_door_ends_with_its_server_however_that_ends(number: signal.Signals, tmp_path: Path) -> None:
    (port,) = some_free(1)
    door = Door((HERE, port), (guard.hidden_address("ends"), port))
    command = guard.guarded([sys.executable, "-c", ECHO, door.behind[0], str(port)], [door])
    with running(tmp_path / "log", *command[1:]) as process:
        until(lambda: answers(door), "the server answers", process)
        (keeper,) = psutil.Process(process.pid).children()
        os.kill(process.pid, number)
        process.wait(60)
        until(lambda: not runs(keeper), "the door has ended", within_s=60)
