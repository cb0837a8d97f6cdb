"""`python -m stack.guard FROM=TO ... -- COMMAND` runs a server that takes any Host, behind a door
that does not.

A page of a stranger can have its own name resolve to 127.0.0.1 and then speak to what listens here
as if it were its own (DNS rebinding); only the Host that its browser sends gives it away. So the
server listens on an address of loopback that nobody can guess, and what connects to the known one
is passed on once its first request names this machine: a browser uses a connection for one name
only. `FROM=TO` is looked into, `FROM~TO` (TLS, which proves the name itself) is passed on.

The door is a child of the server, so that signals reach the server and both end together. Only
Python's own library, as it lives as long as the server.
"""

import asyncio
import ctypes
import hashlib
import os
import re
import signal
import socket
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial

NAMES = {"127.0.0.1", "localhost"}
MOST_HEAD_BYTES = 65_536
HEAD_WITHIN_S = 10.0
PR_SET_PDEATHSIG = 1
REFUSAL = b"This server is reached as 127.0.0.1 or localhost, not by another name.\n"
HOST = re.compile(rb"\r\nhost:[ \t]*([^\r\n]*?)[ \t]*(?=\r\n)", re.IGNORECASE)
# A request may also name its host in the first line, which then counts instead of the header.
ABSOLUTE = re.compile(rb"^\S+ [a-z][a-z0-9+.-]*://([^/?# ]*)", re.IGNORECASE)


@dataclass(frozen=True)
class Door:
    """An address that is known, the one behind it, and whether requests are looked into."""

    known: tuple[str, int]
    behind: tuple[str, int]
    checked: bool = True

    def __str__(self) -> str:
        """Return the door as an argument of the command."""
        here, there = (":".join(map(str, address)) for address in (self.known, self.behind))
        return f"{here}{'=' if self.checked else '~'}{there}"


def hidden_address(secret: str) -> str:
    """Return an address of loopback (of 16 million) that only who knows a secret can tell, always
    the same.
    """
    a, b, c = hashlib.sha256(f"address {secret}".encode()).digest()[:3]
    return f"127.{1 + a % 254}.{b}.{1 + c % 254}"


def is_guarded(host: str) -> bool:
    """Return whether a server on this address is meant for this machine only."""
    return host in NAMES


def guarded(command: Sequence[str], doors: Iterable[Door]) -> list[str]:
    """Return the command that runs another one behind these doors."""
    return [sys.executable, "-m", "stack.guard", *map(str, doors), "--", *command]


def names_this_machine(head: bytes) -> bool:
    """Return whether the head of a request names this machine, and nothing else."""
    hosts = [*HOST.findall(head), *ABSOLUTE.findall(head)]
    return bool(hosts) and all(_name(host) in NAMES for host in hosts)


def _name(host: bytes) -> str:
    """Return the name in `name:port`, in lower case."""
    return re.sub(r":\d*$", "", host.decode("latin-1")).lower().rstrip(".")


class _Side(asyncio.Protocol):
    """One of two connections, each of which gets what comes on the other."""

    def __init__(self, other: "_Side | None" = None) -> None:
        self.other = other
        self.ended = False
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]  # of a stream

    def data_received(self, data: bytes) -> None:
        if self.other:
            self.other.transport.write(data)

    def eof_received(self) -> bool:
        """Pass on that no more comes this way; what is under way the other way still does."""
        self.ended = True
        if self.other is None or self.other.ended:
            return False
        self.other.transport.write_eof()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        if self.other:
            self.other.transport.close()

    def pause_writing(self) -> None:
        if self.other:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other:
            self.other.transport.resume_reading()


class _Visitor(_Side):
    """Who has come to a door: passes once the first request, if that is looked into, may."""

    def __init__(self, door: Door) -> None:
        super().__init__()
        self.door = door
        self.head = b""
        self.entering: asyncio.Task[None] | None = None
        self.deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if self.door.checked:
            self.deadline = asyncio.get_running_loop().call_later(HEAD_WITHIN_S, self.transport.abort)
        else:
            self._enter()

    def data_received(self, data: bytes) -> None:
        if self.other:
            super().data_received(data)
            return
        self.head += data
        head, whole, _ = self.head.partition(b"\r\n\r\n")
        if whole and self.entering is None:
            self._judge(head + b"\r\n")
        elif len(self.head) > MOST_HEAD_BYTES:
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.deadline:
            self.deadline.cancel()
        super().connection_lost(exc)

    def _judge(self, head: bytes) -> None:
        if names_this_machine(head):
            self._enter()
            return
        answer = b"HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
        self.transport.write(answer % len(REFUSAL) + REFUSAL)
        self.transport.close()

    def _enter(self) -> None:
        if self.deadline:
            self.deadline.cancel()
        self.transport.pause_reading()
        self.entering = asyncio.get_running_loop().create_task(self._connect())

    async def _connect(self) -> None:
        try:
            _, behind = await asyncio.get_running_loop().create_connection(lambda: _Side(self), *self.door.behind)
        except OSError:  # it has not started yet
            self.transport.abort()
            return
        self.other = behind
        if self.transport.is_closing():
            behind.transport.close()
            return
        behind.transport.write(self.head)
        self.transport.resume_reading()


async def keep(doors: Sequence[tuple[Door, socket.socket]]) -> None:
    """Pass on what may pass through these doors, for ever."""
    loop = asyncio.get_running_loop()
    servers = [await loop.create_server(partial(_Visitor, door), sock=listening) for door, listening in doors]
    await asyncio.gather(*(server.serve_forever() for server in servers))


def _door(text: str) -> Door:
    known, sign, behind = re.split(r"([=~])", text, maxsplit=1)
    here, there = (address.rsplit(":", 1) for address in (known, behind))
    return Door((here[0], int(here[1])), (there[0], int(there[1])), sign == "=")


def _end_with(parent: int) -> None:
    """Have this process end with its parent, however that ends."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(0)


def main(arguments: Sequence[str]) -> None:
    """Open the doors, and become the command."""
    at = arguments.index("--")
    doors = [(door, socket.create_server(door.known, backlog=256)) for door in map(_door, arguments[:at])]
    server = os.getpid()
    if os.fork() == 0:
        _end_with(server)
        asyncio.run(keep(doors))
    os.execvp(arguments[at + 1], list(arguments[at + 1 :]))  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main(sys.argv[1:])
