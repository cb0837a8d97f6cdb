"""What answers as the streams do when they are asked how their queries are: their own server."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from pipelines.streaming.records import Record
from pipelines.streaming.status_server import FAILS, RUNS, Status, StatusServer

RECORD = Record("shop.orders", 0, 123, 1)
FINE = Status("silver.orders", RUNS)
BAD = Status("gold.orders", FAILS, "An overflow.", 0.0, 5, None, RECORD)


@contextmanager
def telling_streams(*statuses: Status) -> Iterator[int]:
    """Serve how these queries are, on loopback, and yield the port."""
    with StatusServer("127.0.0.1", 0, lambda: statuses) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()
