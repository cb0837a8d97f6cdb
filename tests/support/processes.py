"""Runs the project's commands as child processes, as a user would."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipelines.settings import ROOT

LIMIT_S = 300


def environment() -> dict[str, str]:
    """The environment in which Spark finds the project's defaults."""
    return {**os.environ, "SPARK_CONF_DIR": str(ROOT), "PYSPARK_PYTHON": sys.executable, "TZ": "UTC"}


def finished(*command: str, expect: int = 0, **changes: str) -> subprocess.CompletedProcess[str]:
    """Run `python <command>` to its end, with `changes` to its environment, and check its exit code."""
    own = {**environment(), **changes}
    done = subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=own, capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    assert done.returncode == expect, f"{command} ended with {done.returncode}: {done.stdout[-2000:]} {done.stderr[-4000:]}"
    return done


@contextmanager
def running(log: Path, *command: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run `python <command>` in the background, with its own process group, and kill what is left of it at the end."""
    with log.open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, *command], cwd=ROOT, env=environment(), stdout=out, stderr=out, start_new_session=True
        )
        try:
            yield process
        finally:
            kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill -9 the process with its whole group: the Python driver, its JVM, its workers."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
