"""A process's folder for what is of no use after it, so that what it leaves when it is killed is
removed when the next one starts.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

# A process holds a lock on the file of this name in its folder for as long as it lives. By its pid
# alone it would not be known: pids come again, and containers that share a folder have the same.
ALIVE = "alive"


@cache
def scratch(parent: Path) -> Path:
    """Return this process's own folder below `parent`, after removing those of processes that are
    gone.
    """
    parent.mkdir(parents=True, exist_ok=True)
    with _locked(parent / "lock"):
        for folder in parent.iterdir():
            if folder.is_dir() and not _lives(folder):
                shutil.rmtree(folder, ignore_errors=True)
        own = Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=parent))
        fcntl.flock(os.open(own / ALIVE, os.O_CREAT | os.O_RDWR), fcntl.LOCK_EX)  # until the process ends
    return own


def _lives(folder: Path) -> bool:
    """Return whether the process of a folder holds its lock."""
    with suppress(FileNotFoundError), (folder / ALIVE).open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    """Let one process after the other make and remove folders."""
    with file.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
