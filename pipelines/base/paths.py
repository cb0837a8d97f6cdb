"""Where things lie: the repository's root, and paths of the settings below it."""

from __future__ import annotations  # doctor imports this module on whatever Python there is

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def located(path: str) -> str:
    """Return `path` absolute: a relative one lies below the repository's root, a URI stays as it
    is.
    """
    return path if "://" in path else str((ROOT / path).resolve())
