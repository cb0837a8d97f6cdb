"""Tells over HTTP how the queries of a job are: `/queries` as JSON, for `make status` and the
pages, `/metrics` in Prometheus' text format.
"""

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from pipelines.base import logs
from pipelines.base.settings import settings
from pipelines.streaming.records import Record

log = logs.get(__name__)

LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")
REQUEST_WITHIN_S = 5.0
RUNS, STARTS, FAILS = "runs", "starts", "fails"


@dataclass(frozen=True)
class Status:
    """How a query is: it runs, starts, or fails; then why, since when (seconds since 1970), how
    often in a row, in which batch, and at which record where that was found.
    """

    query: str
    state: str
    cause: str | None = None
    since: float | None = None
    times: int = 0
    batch: tuple[str, str] | None = None
    record: Record | None = None


Statuses = Callable[[], Sequence[Status]]


class Figures(Collector):
    """What Prometheus is given of the queries."""

    def __init__(self, statuses: Statuses) -> None:
        self.statuses = statuses

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield whether each query runs, and how often in a row it has failed."""
        runs = GaugeMetricFamily("tidemark_query_runs", "1 while the query runs.", labels=["query"])
        failed = GaugeMetricFamily("tidemark_query_failures", "How often in a row the query has failed.", labels=["query"])
        for status in self.statuses():
            runs.add_metric([status.query], float(status.state == RUNS))
            failed.add_metric([status.query], float(status.times))
        yield from (runs, failed)


class Handler(BaseHTTPRequestHandler):
    """Answers one question about the queries of `server`."""

    server: "StatusServer"
    timeout = REQUEST_WITHIN_S

    def do_GET(self) -> None:  # the library's name
        """Answer `/queries` and `/metrics`; a page of another name gets nothing."""
        host = (self.headers.get("Host") or "").rsplit(":", 1)[0]
        if self.server.is_local and host not in LOOPBACK_NAMES:
            self.send_error(403)
        elif self.path == "/queries":
            self._answer("application/json", json.dumps([asdict(each) for each in self.server.statuses()]).encode())
        elif self.path == "/metrics":
            self._answer("text/plain; version=0.0.4; charset=utf-8", generate_latest(self.server.registry))
        else:
            self.send_error(404)

    def log_message(self, format: str, *args: object) -> None:  # the library's name
        """Log no request: they come every few seconds."""

    def _answer(self, kind: str, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class StatusServer(ThreadingHTTPServer):
    """Listens where the settings say, as long as the job lives."""

    daemon_threads = True

    def __init__(self, host: str, port: int, statuses: Statuses) -> None:
        super().__init__((host, port), Handler)
        self.statuses = statuses
        self.is_local = _is_loopback(host)
        self.registry = CollectorRegistry()
        self.registry.register(Figures(statuses))


def serve(statuses: Statuses) -> StatusServer | None:
    """Serve in a thread of its own; a port that another job has taken costs the status, not the
    queries.
    """
    where = settings().spark
    try:
        server = StatusServer(where.status_host, where.status_port, statuses)
    except OSError as error:
        log.warning("status_not_served", host=where.status_host, port=where.status_port, error=str(error))
        return None
    threading.Thread(target=server.serve_forever, name="status", daemon=True).start()
    return server


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
