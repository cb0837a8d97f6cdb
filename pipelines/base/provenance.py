"""Which code this is: the commit that models and receipts name."""

import subprocess
from pathlib import Path

from pipelines.base.paths import ROOT


def commit(checkout: Path = ROOT) -> str:
    """Return a checkout's commit, with -dirty where it differs in more than receipts; "unknown"
    where there is none.
    """
    if _git(checkout, "rev-parse", "--is-inside-work-tree") != "true":
        return "unknown"
    changed = _git(checkout, "status", "--porcelain", "--", ".", ":!benchmarks/receipts")
    return _git(checkout, "rev-parse", "--short=12", "HEAD") + ("-dirty" if changed else "")


def _git(checkout: Path, *arguments: str) -> str:
    """Return what git answers about a checkout; nothing where there is no git."""
    try:
        return subprocess.run(["git", *arguments], cwd=checkout, capture_output=True, text=True, check=False).stdout.strip()
    except OSError:
        return ""
