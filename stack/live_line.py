"""The demo's live line: events per second, the newest order in gold and its age, rows in
quarantine, and which programs are down or came back.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]
from rich.console import Console
from rich.live import Live
from trino.exceptions import Error as TrinoError

from pipelines.base.settings import settings
from stack import supervision
from stack.trino_client import answer

# Since the newest one that was seen: older files are not looked into.
NEWEST_ORDER = """
select order_id, updated_at from {lake}.gold.orders
where updated_at >= timestamp '{since:%Y-%m-%d %H:%M:%S.%f} UTC' order by updated_at desc limit 1
"""
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
QUARANTINED = "select count(*) from {lake}.silver.quarantine"
EVENTS = "shop."  # topics whose records count as events; scores are answers to them
KAFKA_WITHIN_S = 5.0
LOOK_EVERY_S = 5.0  # each look is a query to Trino, a tenth of a core at this pace
COUNT_EVERY = 2  # looks from one count of the quarantine to the next


@dataclass(frozen=True)
class Flow:
    """One look at what flows; None is what is not known yet."""

    events_per_s: float | None = None
    newest_order: str | None = None
    age_s: float | None = None
    quarantined: int | None = None

    def __str__(self) -> str:
        """Return the look as one line."""
        rate = "…" if self.events_per_s is None else f"{self.events_per_s:,.0f}"
        order = "none yet" if self.newest_order is None else f"{self.newest_order}, {self.age_s:.1f} s old"
        quarantined = "…" if self.quarantined is None else f"{self.quarantined:,}"
        return f"{rate} events/s · newest order in gold: {order} · quarantined: {quarantined}"


def offsets(admin: AdminClient, topics_from: str = EVENTS) -> int | None:
    """Return the end offsets of the topics whose names begin so, added up, or None while Kafka does
    not answer.
    """
    try:
        topics = {n: t for n, t in admin.list_topics(timeout=KAFKA_WITHIN_S).topics.items() if n.startswith(topics_from)}
        latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]
        wanted = {TopicPartition(name, part): latest for name, topic in topics.items() for part in topic.partitions}
        found = admin.list_offsets(wanted, request_timeout=KAFKA_WITHIN_S) if wanted else {}
        return sum(int(future.result().offset) for future in found.values())
    except KafkaException:
        return None


def _first(query: str, **values: object) -> Sequence[object] | None:
    """Return the first row of an answer, or None while there is none: no table, no rows, no
    Trino.
    """
    try:
        rows = answer(query.format(lake=settings().catalog.name, **values)).rows
    except (TrinoError, OSError):
        return None
    return rows[0] if rows else None


class Looking:
    """Looks again and again and remembers what a rate needs."""

    def __init__(self) -> None:
        self.admin = AdminClient({"bootstrap.servers": settings().kafka.bootstrap_servers, "log_level": 0})
        self.before: tuple[float, int] | None = None
        self.looks = 0
        self.quarantined: int | None = None
        self.newest_at = LONG_AGO

    def look(self) -> Flow:
        """Return what flows since the last look."""
        self._count_quarantine()
        newest = _first(NEWEST_ORDER, since=self.newest_at)
        if newest is None or not isinstance(newest[1], datetime):
            return Flow(self._rate(), quarantined=self.quarantined)
        self.newest_at = newest[1].astimezone(UTC)
        age_s = (datetime.now(UTC) - self.newest_at).total_seconds()
        return Flow(self._rate(), str(newest[0]), age_s, self.quarantined)

    def _rate(self) -> float | None:
        now, count, before = time.monotonic(), offsets(self.admin), self.before
        if count is None:
            return None
        self.before = (now, count)
        return None if before is None else (count - before[1]) / (now - before[0])

    def _count_quarantine(self) -> None:
        if self.looks % COUNT_EVERY == 0:
            row = _first(QUARANTINED)
            self.quarantined = int(str(row[0])) if row else self.quarantined
        self.looks += 1


def watch(console: Console, restarts: supervision.Restarts) -> None:
    """Show the line until interrupted, new every five seconds: in place on a terminal, below each
    other elsewhere.
    """
    looking = Looking()
    with Live(console=console, auto_refresh=False, transient=False) as live:
        while True:
            began = time.monotonic()
            line = f"  {looking.look()}{trouble(supervision.processes(), restarts)}"
            if console.is_terminal:
                live.update(line, refresh=True)
            else:
                console.print(line, highlight=False, soft_wrap=True)
            time.sleep(max(0.0, LOOK_EVERY_S - (time.monotonic() - began)))


def trouble(processes: Mapping[str, dict[str, Any]], restarts: supervision.Restarts) -> str:
    """Return which programs are down, and how often which came back since they were started;
    nothing when all is well.
    """
    down = [name for name, process in processes.items() if process["statename"] in ("FATAL", "BACKOFF", "EXITED")]
    back = [f"{name} {count}x" for name, count in restarts.counted(processes).items()]
    crashed = f" · [red]crashed: {', '.join(down)} (make status)[/]" if down else ""
    return crashed + (f" · [yellow]restarted: {', '.join(back)} (make status)[/]" if back else "")
