"""Measures how long each service and the whole demo take to start from nothing, and how much memory
they then hold.

A demo of its own, with a state folder and ports of its own, is started as `make demo` starts it and
stopped at the end. Memory is proportional set size: every page of every process below the
supervisor and the demo itself, shared ones once.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from trino.exceptions import Error as TrinoError

from benchmarks import receipt
from pipelines.base import logs
from pipelines.base.errors import ServiceUnreachable
from pipelines.base.paths import ROOT, located
from pipelines.base.settings import settings
from stack import dotenv_file, lifecycle, status, supervision
from stack.isolated import environment
from stack.programs import programs
from stack.services import services
from stack.trino_client import answer

RATE = 200
SETTLE_S = 60.0  # how long the whole demo runs before its memory counts
PATIENCE_S = 900.0
LOOK_EVERY_S = 0.5

log = logs.get(__name__)


def main() -> None:
    """Start a demo from nothing, measure it, write the receipt, and stop it."""
    folder = ROOT / ".tidemark" / f"benchmark-{os.getpid()}"
    dotenv_file.ensure()
    os.environ.update(environment(folder))
    settings.cache_clear()
    with _demo(folder) as demo:
        began = time.monotonic()
        seconds = {"demo_to_first_gold_row_s": _waited(demo, began, _has_gold_row)}
        seconds["demo_start_s"] = _waited(demo, began, lambda: "simulator" in lifecycle.start_seconds())
        log.info("demo_started", **seconds)
        memory = _settled(demo)
        receipt.write("start", {"rate": RATE, "settle_s": SETTLE_S, "memory": "PSS"}, {**seconds, **_starts(), **memory})


@contextmanager
def _demo(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Start the demo as a child and yield it; at the end stop it as Ctrl-C does and remove what it
    made.
    """
    output = folder.with_suffix(".log")
    with output.open("wb") as log_file:
        demo = subprocess.Popen(
            [sys.executable, "-m", "stack", "demo", "--rate", str(RATE)], cwd=ROOT, stdout=log_file, stderr=log_file
        )
    try:
        yield demo
    finally:
        demo.send_signal(signal.SIGINT)
        demo.wait(300)
        shutil.rmtree(located(settings().state))
    output.unlink()


def _waited(demo: subprocess.Popen[bytes], began: float, happened: Callable[[], bool]) -> float:
    """Return the seconds from `began` until something happened."""
    while not happened():
        if demo.poll() is not None or time.monotonic() - began > PATIENCE_S:
            raise ServiceUnreachable(
                f"The demo ended or did not come up within {PATIENCE_S:.0f} s: see .tidemark/benchmark-{os.getpid()}.log."
            )
        time.sleep(LOOK_EVERY_S)
    return time.monotonic() - began


def _has_gold_row() -> bool:
    try:
        return bool(answer(f"SELECT order_id FROM {settings().catalog.name}.gold.orders LIMIT 1").rows)  # noqa: S608 - ours
    except (TrinoError, OSError):
        return False


def _starts() -> dict[str, float]:
    return {f"{name}_start_s": seconds for name, seconds in lifecycle.start_seconds().items()}


def _settled(demo: subprocess.Popen[bytes]) -> dict[str, float]:
    """Return the megabytes of each program and of all together once the demo has run a while, and
    the peak until then.
    """
    until, peak = time.monotonic() + SETTLE_S, 0.0
    while True:
        memory = _memory(demo.pid)
        peak = max(peak, memory["demo_mb"])
        if time.monotonic() > until:
            return {**memory, "demo_peak_mb": peak}
        time.sleep(LOOK_EVERY_S * 10)


def _memory(demo_pid: int) -> dict[str, float]:
    supervised = {row.name: row.resident_mb or 0.0 for row in status.rows([*services(), *programs(RATE)])}
    whole = status.resident_mb(demo_pid) + status.resident_mb(supervision.call("getPID"))
    return {**{f"{name}_mb": mb for name, mb in supervised.items()}, "demo_mb": whole}
