"""A TCP proxy on loopback that holds back what the server answers, by as much as a test wants."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class SlowProxy:
    """Passes bytes between its clients and one port; answers wait until `open` is set, those of the
    first `lost` for ever. Clients that come later reach another server once `target` is its port.
    """

    def __init__(self, target: int, lost: int) -> None:
        self.target, self.lost = target, lost
        self.open = threading.Event()
        self.open.set()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.listener.getsockname()[1])
        self.sockets: list[socket.socket] = [self.listener]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                server = socket.create_connection(("127.0.0.1", self.target))
                self.sockets += [client, server]
                gate = threading.Event() if self.lost > 0 else self.open
                self.lost -= 1
                threading.Thread(target=self._pass, args=[client, server, None], daemon=True).start()
                threading.Thread(target=self._pass, args=[server, client, gate], daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, gate: threading.Event | None) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                if gate:
                    gate.wait()
                target.sendall(data)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.open.set()
        for one in self.sockets:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


@contextmanager
def a_slow_proxy(target: int, lost: int = 0) -> Iterator[SlowProxy]:
    """Run a proxy before a port of loopback until the test is over; its first `lost` clients get no
    answer.
    """
    proxy = SlowProxy(target, lost)
    try:
        yield proxy
    finally:
        proxy.close()
