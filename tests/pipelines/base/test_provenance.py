"""Models and receipts name the commit of the code that made them, and whether it was changed
since.
"""

import re
import subprocess
from pathlib import Path

import pytest

from pipelines.base.paths import ROOT
from pipelines.base.provenance import commit


def test_the_commit_is_this_checkouts() -> None:
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert head.stdout.startswith(commit().removesuffix("-dirty"))


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with one commit."""
    who = ("-c", "user.name=t", "-c", "user.email=t@t")
    (tmp_path / "code.py").write_text("1\n")
    for arguments in (("init", "-q"), ("add", "code.py"), (*who, "commit", "-qm", "first")):
        subprocess.run(["git", *arguments], cwd=tmp_path, check=True)
    return tmp_path


def test_a_new_receipt_does_not_make_the_commit_dirty_but_changed_code_does(checkout: Path) -> None:
    (checkout / "benchmarks" / "receipts").mkdir(parents=True)
    (checkout / "benchmarks" / "receipts" / "a.json").write_text("{}")
    assert re.fullmatch(r"[0-9a-f]{12}", commit(checkout))
    (checkout / "code.py").write_text("2\n")
    assert re.fullmatch(r"[0-9a-f]{12}-dirty", commit(checkout))


def test_without_git_the_commit_is_unknown(tmp_path: Path) -> None:
    assert commit(tmp_path) == "unknown"
