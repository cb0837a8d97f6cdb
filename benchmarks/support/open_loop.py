"""Asks an HTTP server at a fixed rate, each request at its time whatever became of the ones before,
from a process of its own.

A latency counts from the time at which its request was due, so that waiting in the client counts
too: a server that stalls cannot hide the requests that it has held up (Gil Tene's coordinated
omission).
"""

import asyncio
import json
import subprocess
import sys
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipelines.base.paths import ROOT

LEAD_S = 0.2  # from reading the requests to the first one
PATIENCE_S = 60.0  # for an answer

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True)
class Answers:
    """What became of each request, in the order in which they were due: HTTP status, 0 for none,
    and latency in ms.
    """

    status: npt.NDArray[np.int64]
    latency_ms: npt.NDArray[np.float64]
    text: list[str]

    def after(self, count: int) -> "Answers":
        """Return the answers without the first `count`."""
        return Answers(self.status[count:], self.latency_ms[count:], self.text[count:])


def post(path: str, body: str, headers: dict[str, str]) -> str:
    """Return the text of an HTTP request on a connection that is kept open."""
    length = len(body.encode())
    fields = {"Host": "localhost", "Content-Type": "application/json", "Content-Length": str(length), **headers}
    return f"POST {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields.items()) + f"\r\n{body}"


def get(path: str, headers: dict[str, str]) -> str:
    """Return the text of a request without a body."""
    fields = {"Host": "localhost", **headers}
    return f"GET {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields.items()) + "\r\n"


def send(port: int, requests: list[str], rate: float) -> Answers:
    """Send the requests to a port of loopback at `rate` a second and return the answers."""
    job = json.dumps({"port": port, "requests": requests, "rate": rate})
    command = [sys.executable, "-m", "benchmarks.support.open_loop"]
    done = subprocess.run(command, cwd=ROOT, input=job, stdout=subprocess.PIPE, text=True, check=True)
    answers = json.loads(done.stdout)
    return Answers(np.array(answers["status"]), np.array(answers["latency_ms"]), answers["text"])


class Client:
    """Connections to one server, opened as they are needed and used again."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.idle: list[Connection] = []

    async def ask(self, request: bytes, due: float) -> tuple[int, float, str]:
        """Send one request and return status, latency in ms from when it was due, and text of the
        answer.
        """
        try:
            status, text = await asyncio.wait_for(self._exchange(request), PATIENCE_S)
        except (OSError, EOFError, TimeoutError) as error:
            status, text = 0, repr(error)
        return status, (asyncio.get_running_loop().time() - due) * 1000, text

    async def _exchange(self, request: bytes) -> tuple[int, str]:
        reader, writer = self._idle() or await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower().split("\r\n")
        length = next(int(line.partition(":")[2]) for line in head if line.startswith("content-length:"))
        text = (await reader.readexactly(length)).decode()
        self.idle.append((reader, writer))
        return int(head[0].split()[1]), text

    def _idle(self) -> Connection | None:
        """Return a connection that the server has not closed meanwhile."""
        while self.idle:
            reader, writer = self.idle.pop()
            if not reader.at_eof():
                return reader, writer
            writer.close()
        return None


async def _all(port: int, requests: list[bytes], rate: float) -> list[tuple[int, float, str]]:
    loop, client = asyncio.get_running_loop(), Client(port)
    began = loop.time() + LEAD_S
    tasks = []
    for number, request in enumerate(requests):
        due = began + number / rate
        await asyncio.sleep(max(0.0, due - loop.time()))
        tasks.append(asyncio.create_task(client.ask(request, due)))
    return await asyncio.gather(*tasks)


def _run() -> None:
    job = json.load(sys.stdin)
    status, latency_ms, text = zip(
        *asyncio.run(_all(job["port"], [request.encode() for request in job["requests"]], job["rate"])), strict=True
    )
    json.dump({"status": status, "latency_ms": latency_ms, "text": text}, sys.stdout)


if __name__ == "__main__":
    _run()
