"""Measures how long each service and the whole demo take to start from nothing, and how much memory
they then hold.

A demo of its own, with a state folder and ports of its own, is started as `make demo` starts it and
stopped at the end. Memory is proportional set size: every page of every process below the
supervisor and the demo itself, shared ones once.
"""

import time

from trino.exceptions import Error as TrinoError

from benchmarks import receipt
from benchmarks.support.own_demo import LOOK_EVERY_S, Demo, is_live, own_demo, waited
from pipelines.base import logs
from pipelines.base.settings import settings
from stack import lifecycle, status, supervision
from stack.programs import programs
from stack.services import services
from stack.trino_client import answer

RATE = 200
SETTLE_S = 60.0  # how long the whole demo runs before its memory counts

log = logs.get(__name__)


def main() -> None:
    """Start a demo from nothing, measure it, write the receipt, and stop it."""
    began = time.monotonic()
    with own_demo(RATE) as demo:
        seconds = {"demo_to_first_gold_row_s": waited(demo, began, _has_gold_row)}
        seconds["demo_start_s"] = waited(demo, began, is_live)
        log.info("demo_started", **seconds)
        memory = _settled(demo)
        receipt.write("start", {"rate": RATE, "settle_s": SETTLE_S, "memory": "PSS"}, {**seconds, **_starts(), **memory})


def _has_gold_row() -> bool:
    try:
        return bool(answer(f"SELECT order_id FROM {settings().catalog.name}.gold.orders LIMIT 1").rows)  # noqa: S608 - ours
    except (TrinoError, OSError):
        return False


def _starts() -> dict[str, float]:
    return {f"{name}_start_s": seconds for name, seconds in lifecycle.start_seconds().items()}


def _settled(demo: Demo) -> dict[str, float]:
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
