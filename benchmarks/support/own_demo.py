"""A demo of a benchmark's own, with a state folder and ports of its own, started as `make demo`
starts it and stopped as Ctrl-C does.
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

from pipelines.base.errors import ServiceUnreachable
from pipelines.base.paths import ROOT, located
from pipelines.base.settings import settings
from stack import dotenv_file, lifecycle
from stack.isolated import environment

PATIENCE_S = 900.0
LOOK_EVERY_S = 0.5

Demo = subprocess.Popen[bytes]


@contextmanager
def own_demo(rate: int) -> Iterator[Demo]:
    """Start a demo at `rate` events a second and yield its process; at the end stop it and remove
    what it made.

    The settings of this process are the demo's from then on.
    """
    folder = ROOT / ".tidemark" / f"benchmark-{os.getpid()}"
    dotenv_file.ensure()
    os.environ.update(environment(folder))
    settings.cache_clear()
    with log_file(folder).open("wb") as log:
        command = [sys.executable, "-m", "stack", "demo", "--rate", str(rate)]
        demo = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
    try:
        yield demo
    finally:
        demo.send_signal(signal.SIGINT)
        demo.wait(300)
        shutil.rmtree(located(settings().state))
    log_file(folder).unlink()


def log_file(folder: Path) -> Path:
    """Return where a demo in that folder writes what it prints."""
    return folder.with_suffix(".log")


def waited(demo: Demo, began: float, happened: Callable[[], bool]) -> float:
    """Return the seconds from `began` (monotonic) until something happened; raises
    ServiceUnreachable when the demo ends or it takes too long.
    """
    while not happened():
        if demo.poll() is not None or time.monotonic() - began > PATIENCE_S:
            raise ServiceUnreachable(
                f"The demo ended or did not come up within {PATIENCE_S:.0f} s: see .tidemark/benchmark-{os.getpid()}.log."
            )
        time.sleep(LOOK_EVERY_S)
    return time.monotonic() - began


def is_live() -> bool:
    """Return whether the shop of the demo is open: the last thing that is started."""
    return "simulator" in lifecycle.start_seconds()
