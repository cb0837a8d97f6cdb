"""Writes .env with random secrets on the first start, so that no password is ever a default."""

import os
import secrets
from pathlib import Path

from dotenv import dotenv_values

from pipelines.base.paths import ROOT

FILE = ROOT / ".env"
EXAMPLE = ROOT / ".env.example"


def missing(file: Path = FILE) -> list[str]:
    """Return the names of .env.example that neither the file nor the environment gives."""
    given = {**dotenv_values(file), **os.environ}
    return [name for name in dotenv_values(EXAMPLE) if not given.get(name)]


def ensure(file: Path = FILE) -> bool:
    """Add a random secret for every missing name, to a file that only its owner may read; return
    whether one was missing.
    """
    names = missing(file)
    if not names:
        return False
    file.touch(mode=0o600)
    file.chmod(0o600)
    before = file.read_text() or "# Secrets of this local stack, written by `make up`. Never commit them."
    file.write_text(before.removesuffix("\n") + "\n" + "".join(f"{name}={secrets.token_urlsafe(24)}\n" for name in names))
    return True
