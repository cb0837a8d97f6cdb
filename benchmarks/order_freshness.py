"""Measures how old orders are when Trino first shows them, in silver and in gold, while the whole
demo runs.

One query a second asks Trino for the newest rows of both tables: it needs the cores that the demo
needs, so asking more often would measure the asking. A row is visible when the query that first
returned it has ended; its age is that moment minus its event time. So a figure includes the query
itself and, on average, half the time between two queries (`poll_ms`). A last query over the whole
window counts what was never seen before with the age it has by then. A change that another one
overtook before gold was asked is never seen there.
"""

import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import numpy as np
from confluent_kafka.admin import AdminClient
from trino.exceptions import Error as TrinoError

from benchmarks import receipt
from pipelines.base.errors import ServiceUnreachable
from pipelines.base.settings import settings
from stack import live_line
from stack.trino_client import answer

WINDOW_S = 120.0
GRACE_S = 30.0  # how long rows of the window may still take to appear
POLL_EVERY_S = 1.0
# Rows this much older than the newest one seen are still looked for, older ones at the end.
SLACK = timedelta(seconds=15)
LEAST_EVENTS_PER_S = 1.0


class Watched(NamedTuple):
    """A table whose rows are waited for: which columns make a row a new one, and when it
    happened.
    """

    table: str
    key: str
    at: str


SILVER = Watched("silver.orders", "event_id", "event_at")
GOLD = Watched("gold.orders", "order_id || '/' || CAST(version AS varchar)", "updated_at")


class Poller:
    """Notes how old the rows of a table were when they were first seen."""

    def __init__(self, watched: Watched, opened: datetime, closed: datetime) -> None:
        self.watched, self.opened, self.closed = watched, opened, closed
        self.newest = opened
        self.seen: set[str] = set()
        self.ages_ms: list[float] = []
        self.ends: list[float] = []

    def note(self, rows: list[tuple[str, datetime]], visible_at: float) -> None:
        """Take in what a query returned at `visible_at`; only events inside the window count."""
        self.ends.append(visible_at)
        for key, at in rows:
            if key not in self.seen and self.opened <= at < self.closed:
                self.ages_ms.append((visible_at - at.timestamp()) * 1000)
            self.seen.add(key)
            self.newest = max(self.newest, at)

    def figures(self, prefix: str) -> dict[str, float]:
        """Return the percentiles of the ages, how many there were, and the median time between two
        looks.
        """
        p50, p95, p99 = np.percentile(self.ages_ms, [50, 95, 99])
        between = float(np.median(np.diff(self.ends))) * 1000
        named = {"p50_ms": p50, "p95_ms": p95, "p99_ms": p99, "poll_ms": between, "count": len(self.ages_ms)}
        return {f"{prefix}_{name}": float(value) for name, value in named.items()}

    def question(self, since: datetime) -> str:
        """Return the query for rows from a moment on: table, key, time."""
        table, key, at = self.watched
        moment = f"TIMESTAMP '{since:%Y-%m-%d %H:%M:%S.%f} UTC'"
        return f"SELECT '{table}', {key}, {at} FROM {settings().catalog.name}.{table} WHERE {at} >= {moment}"  # noqa: S608 - ours


def poll(pollers: Collection[Poller], until: float) -> None:
    """Look again and again until that time (seconds since 1970), and at the end at the whole
    window.
    """
    while time.time() < until:
        began = time.monotonic()
        _look(pollers, lambda poller: poller.newest - SLACK)
        time.sleep(max(0.0, POLL_EVERY_S - (time.monotonic() - began)))
    _look(pollers, lambda poller: poller.opened)


def _look(pollers: Collection[Poller], since: Callable[[Poller], datetime]) -> None:
    """Ask for the rows of all tables in one query and have each poller note its own."""
    found = answer(" UNION ALL ".join(poller.question(since(poller)) for poller in pollers)).rows
    visible_at = time.time()
    for poller in pollers:
        rows = [(str(key), at) for table, key, at in found if table == poller.watched.table and isinstance(at, datetime)]
        poller.note(rows, visible_at)


def main() -> None:
    """Measure the running demo and write the receipt."""
    admin = AdminClient({"bootstrap.servers": settings().kafka.bootstrap_servers, "log_level": 0})
    _require_demo(admin)
    opened = datetime.now(UTC)
    closed = opened + timedelta(seconds=WINDOW_S)
    pollers = {"silver": Poller(SILVER, opened, closed), "gold": Poller(GOLD, opened, closed)}
    with ThreadPoolExecutor() as pool:
        polling = pool.submit(poll, pollers.values(), closed.timestamp() + GRACE_S)
        rate = _events_per_s(admin, WINDOW_S)
        polling.result()
    receipt.write("order_freshness", _settings(), metrics(pollers, rate))


def metrics(pollers: Mapping[str, Poller], rate: float) -> dict[str, float]:
    """Return every figure; those of gold also under plain names."""
    if not all(poller.ages_ms for poller in pollers.values()):
        raise ServiceUnreachable("No order came into silver and gold within the window: `make status` says what runs.")
    figures = {name: value for prefix, poller in pollers.items() for name, value in poller.figures(prefix).items()}
    flat = {name: figures[f"gold_{name}"] for name in ("p50_ms", "p95_ms", "p99_ms")}
    return {**flat, **figures, "rate_per_s": rate, "orders_count": figures["gold_count"]}


def _settings() -> dict[str, object]:
    streams = {name: settings().streams[name].model_dump(exclude_none=True) for name in ("silver.orders", "gold.orders")}
    return {"window_s": WINDOW_S, "poll_every_ms": POLL_EVERY_S * 1000, "streams": streams}


def _require_demo(admin: AdminClient) -> None:
    """Raise ServiceUnreachable unless events flow and Trino shows orders."""
    if live_line.offsets(admin) is None or _events_per_s(admin, 3.0) < LEAST_EVENTS_PER_S:
        servers = settings().kafka.bootstrap_servers
        raise ServiceUnreachable(f"No events flow through Kafka at {servers}: run `make demo` in another terminal first.")
    try:
        answer(f"SELECT order_id FROM {settings().catalog.name}.gold.orders LIMIT 1")  # noqa: S608 - a setting of ours
    except (TrinoError, OSError) as error:
        raise ServiceUnreachable("Trino does not show gold.orders: run `make demo` in another terminal first.") from error


def _events_per_s(admin: AdminClient, seconds: float) -> float:
    """Return the rate at which the shop's topics grow, measured over so many seconds."""
    began, before = time.monotonic(), live_line.offsets(admin)
    time.sleep(seconds)
    return ((live_line.offsets(admin) or 0) - (before or 0)) / (time.monotonic() - began)
