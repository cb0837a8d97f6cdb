"""Steps of the demo's start: Python programs of ours that run to their end."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from rich.console import Console

from pipelines.base.errors import TidemarkError
from pipelines.base.paths import ROOT
from stack import folders, lifecycle, programs

STOP_WITHIN_S = 60.0


@dataclass
class Step:
    """A Python program of ours that runs: since when, and how much earlier ones had logged."""

    name: str
    child: subprocess.Popen[bytes]
    began: float
    logged_before: int

    def finish(self, console: Console) -> str:
        """Wait for its end and return what it logged; raise with the end of that if it failed."""
        log = folders.log(self.name)
        with console.status(f"{self.name} … ({log})"):
            code = self.child.wait()
        if code != 0:
            raise TidemarkError(f"{self.name} failed with exit code {code}; its log ends: {lifecycle.log_end(self.name)}")
        return log.read_bytes()[self.logged_before :].decode(errors="replace")

    def print_done(self, console: Console) -> None:
        """Print how long it took."""
        console.print(f"  {self.name:<10} done after {time.monotonic() - self.began:.1f} s", highlight=False)


@contextmanager
def running(name: str, arguments: Sequence[str]) -> Iterator[Step]:
    """Start one Python program of ours and yield it; an interrupt asks it to stop and waits until
    it has, and whatever else ends the block ends it.
    """
    environment = {**os.environ, **programs.spark_environment()}
    with folders.log(name).open("ab") as log:
        began, logged_before = time.monotonic(), os.fstat(log.fileno()).st_size
        child = subprocess.Popen([sys.executable, *arguments], cwd=ROOT, env=environment, stdout=log, stderr=log)
        try:
            yield Step(name, child, began, logged_before)
        except KeyboardInterrupt:
            child.terminate()
            with suppress(subprocess.TimeoutExpired):
                child.wait(STOP_WITHIN_S)
            raise
        finally:  # it has ended, or was asked to for long enough
            child.kill()
            child.wait()


def run(name: str, arguments: Sequence[str], console: Console) -> None:
    """Run one Python program of ours to its end and print how long it took; raise with the end of
    its log if it fails.
    """
    with running(name, arguments) as step:
        step.finish(console)
        step.print_done(console)
