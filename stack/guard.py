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
import contextlib
import ctypes
import hashlib
import os
import re
import signal
import socket
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

NAMES = {"127.0.0.1", "localhost"}
MOST_HEAD_BYTES = 65_536
HEAD_WITHIN_S = 10.0
PIECE_BYTES = 65_536
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


async def _head(reader: asyncio.StreamReader) -> bytes:
    """Return what came of a connection until its first request's head is whole."""
    head = b""
    while b"\r\n\r\n" not in head:
        piece = await reader.read(PIECE_BYTES)
        if not piece or len(head) > MOST_HEAD_BYTES:
            return b""
        head += piece
    return head


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(PIECE_BYTES):
        writer.write(piece)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()


async def _admitted(door: Door, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes | None:
    """Return what came already of a connection that may pass; None where it may not."""
    if not door.checked:
        return b""
    head = await asyncio.wait_for(_head(reader), HEAD_WITHIN_S)
    if head and names_this_machine(head.partition(b"\r\n\r\n")[0] + b"\r\n"):
        return head
    if head:
        answer = b"HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
        writer.write(answer % len(REFUSAL) + REFUSAL)
        await writer.drain()
    return None


async def _serve(door: Door, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.closing(writer), contextlib.suppress(OSError, TimeoutError):
        begun = await _admitted(door, reader, writer)
        if begun is None:
            return
        behind, onward = await asyncio.open_connection(*door.behind)
        with contextlib.closing(onward):
            onward.write(begun)
            back = asyncio.create_task(_pass_on(behind, writer))
            try:
                await _pass_on(reader, onward)
                await back
            finally:
                back.cancel()


async def keep(doors: Sequence[tuple[Door, socket.socket]]) -> None:
    """Pass on what may pass through these doors, for ever."""
    servers = [
        await asyncio.start_server(lambda reader, writer, door=door: _serve(door, reader, writer), sock=listening)
        for door, listening in doors
    ]
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
