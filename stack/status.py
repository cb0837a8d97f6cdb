"""What runs, since when, with how much memory, and who holds a port."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil

from stack import folders, supervision
from stack.service import Service

# The supervisor's word for a state → ours; RUNNING and STARTING are refined by the health check.
WORDS = {"BACKOFF": "restarting", "EXITED": "restarting", "FATAL": "crashed", "STOPPING": "stopping"}


@dataclass(frozen=True)
class Row:
    """One service or program as `status` shows it; `resident_mb` counts its whole process tree,
    shared pages once.
    """

    name: str
    state: str
    pid: int | None
    uptime_s: int | None
    resident_mb: float | None
    port: int | None
    log: Path

    @property
    def uptime(self) -> str:
        """Uptime as h:mm:ss, or nothing."""
        return "" if self.uptime_s is None else str(timedelta(seconds=self.uptime_s))

    def as_json(self) -> dict[str, Any]:
        """Return the row's fields with paths as text."""
        return {**asdict(self), "log": str(self.log)}


def resident_mb(pid: int) -> float:
    """Return the megabytes a process and all below it hold in memory (proportional set size: shared
    pages once).
    """
    try:
        process = psutil.Process(pid)
        return sum(map(_resident_bytes, [process, *process.children(recursive=True)])) / 2**20
    except psutil.NoSuchProcess:
        return 0.0


def _resident_bytes(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss)
    except psutil.AccessDenied:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


def _state(service: Service, known: dict[str, Any] | None) -> str:
    if known is None or known["statename"] == "STOPPED":
        return "stopped"
    if known["statename"] in WORDS:
        return WORDS[known["statename"]]
    return "running" if service.ready() else "not answering"


def _row(service: Service, known: dict[str, Any] | None) -> Row:
    pid = known["pid"] if known and known["pid"] else None
    return Row(
        name=service.name,
        state=_state(service, known),
        pid=pid,
        uptime_s=known["now"] - known["start"] if known and pid else None,
        resident_mb=round(resident_mb(pid), 1) if pid else None,
        port=service.port,
        log=folders.log(service.name),
    )


def port_holder(port: int) -> str:
    """Return who listens on this port, as far as we may see."""
    listening = [
        c for c in psutil.net_connections("inet") if c.laddr and c.laddr.port == port and c.status == psutil.CONN_LISTEN
    ]
    pids = [c.pid for c in listening if c.pid]
    if not pids or not psutil.pid_exists(pids[0]):
        return "another program"
    return f"{psutil.Process(pids[0]).name()} (pid {pids[0]})"


def rows(services: list[Service]) -> list[Row]:
    """Return one row per service, in the given order, all looked at at once."""
    known = supervision.processes()
    with ThreadPoolExecutor(max_workers=len(services)) as pool:
        return list(pool.map(lambda service: _row(service, known.get(service.name)), services))
