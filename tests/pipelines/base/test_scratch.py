"""What a process leaves when it is killed goes when the next one starts; what lives stays."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.base.paths import ROOT
from pipelines.base.scratch import scratch

CLAIM = """
import sys
from pathlib import Path
from pipelines.base.scratch import scratch
folder = scratch(Path(sys.argv[1]))
(folder / "spark-1").mkdir()
print(folder, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def other(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """A process that lives, and its folder."""
    command = [sys.executable, "-c", CLAIM, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        yield process, Path(process.stdout.readline().strip())
        process.kill()


@pytest.fixture(autouse=True)
def _anew() -> Iterator[None]:
    """Let this process claim a folder of its own in each test."""
    scratch.cache_clear()
    yield
    scratch.cache_clear()


def test_the_folder_of_a_process_that_lives_stays(other: tuple[subprocess.Popen[str], Path], tmp_path: Path) -> None:
    process, folder = other
    assert folder.name.startswith(f"{process.pid}-")
    own = scratch(tmp_path)
    assert own.name.startswith(f"{os.getpid()}-")
    assert (folder / "spark-1").is_dir()
    assert own == scratch(tmp_path), "a process has one"


def test_the_folder_of_a_process_that_was_killed_goes(other: tuple[subprocess.Popen[str], Path], tmp_path: Path) -> None:
    process, folder = other
    process.kill()
    process.wait()
    own = scratch(tmp_path)
    assert [each for each in tmp_path.iterdir() if each.is_dir()] == [own]
    assert not folder.exists()


def test_a_folder_that_came_from_elsewhere_with_no_lock_goes(tmp_path: Path) -> None:
    (tmp_path / "blockmgr-1").mkdir()
    assert [each for each in tmp_path.iterdir() if each.is_dir()] == [tmp_path / "blockmgr-1"]
    scratch(tmp_path)
    assert not (tmp_path / "blockmgr-1").exists()
