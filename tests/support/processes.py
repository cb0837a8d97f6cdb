"""Runs the project's commands as child processes, as a user would."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from pipelines.base.paths import ROOT

LIMIT_S = 900  # against what hangs, not what is slow
SAID_LAST = 6000  # characters


def environment() -> dict[str, str]:
    """The environment in which Spark finds the project's defaults."""
    return {**os.environ, "SPARK_CONF_DIR": str(ROOT), "PYSPARK_PYTHON": sys.executable, "TZ": "UTC"}


def finished(*command: str, expect: int | None = 0, **changes: str) -> subprocess.CompletedProcess[str]:
    """Run `python <command>` to its end, with `changes` to its environment, and check its exit
    code, where one is expected.
    """
    own = {**environment(), **changes}
    done = subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=own, capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    assert expect in (None, done.returncode), (
        f"{command} ended with {done.returncode}: {done.stdout[-2000:]} {done.stderr[-4000:]}"
    )
    return done


@contextmanager
def running(log: Path, *command: str, program: str = sys.executable, **changes: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run `python <command>`, or another `program`, in the background, with `changes` to its
    environment.

    It has its own process group, and what is left of that is killed at the end. A test that fails
    meanwhile is told what it said last.
    """
    own = {**environment(), **changes}
    with log.open("ab") as out:
        process = subprocess.Popen([program, *command], cwd=ROOT, env=own, stdout=out, stderr=out, start_new_session=True)
        try:
            yield process
        except AssertionError as error:
            error.add_note(f"{' '.join(command)} said last: {log.read_text(errors='replace')[-SAID_LAST:]}")
            raise
        finally:
            kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill -9 the process with what is left of its group, which may outlive it: the Python driver,
    its JVM, its workers.
    """
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def runs(process: psutil.Process) -> bool:
    """Whether a process still does anything.

    A zombie does not: what its parent never waited for is listed until PID 1 reaps it, in some
    containers for ever.
    """
    with suppress(psutil.NoSuchProcess):
        return process.status() != psutil.STATUS_ZOMBIE
    return False
