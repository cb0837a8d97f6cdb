"""Says what is missing on this machine and what to do; runs on any bare Python 3.8 or later, before
anything is installed.
"""

from __future__ import annotations  # a machine that lacks Python 3.11 has an older one

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from pipelines.base import java
from pipelines.base.errors import TidemarkError
from pipelines.base.paths import ROOT
from stack.findings import GIB, Finding, disk, free_ports

IMPORTED, LACKS = False, "not by this Python"
if sys.version_info[:2] == (3, 11):  # another one could not even read what checkup imports
    try:
        from stack import checkup
    except ImportError as error:  # before make install, or by another Python than the one in .venv
        LACKS = str(error)
    else:
        IMPORTED = True

STAMP = ROOT / ".venv" / ".installed"
UNPACKED = ROOT / ".tidemark" / "jars" / "unpacked" / ".unpacked"
LEAST_MEMORY = 8


def jdk() -> Finding:
    """Look for JDK 17."""
    try:
        return Finding("JDK 17", True, str(java.jdk17()))
    except TidemarkError as error:
        return Finding("JDK 17", False, "not found", str(error))


def maven() -> Finding:
    """Look for Maven, which fetches the jars."""
    found = shutil.which("mvn")
    return Finding("Maven", found is not None, found or "not found", "install it (Debian: apt-get install maven)")


def python() -> Finding:
    """Look at the Python that runs this."""
    version = ".".join(map(str, sys.version_info[:3]))
    remedy = "install Python 3.11 (Debian: apt-get install python3.11-venv)"
    return Finding("Python 3.11", sys.version_info[:2] == (3, 11), f"{version} ({sys.executable})", remedy)


def memory(least_gib: int = LEAST_MEMORY) -> Finding:
    """Look at the machine's memory."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB
    return Finding("memory", total >= least_gib, f"{total:.1f} GiB", f"the whole demo needs {least_gib} GiB")


def packages(stamp: Path = STAMP, lock: Path = ROOT / "requirements.lock") -> Finding:
    """Look whether .venv holds what the lock says."""
    if not stamp.exists():
        return Finding("packages", False, "not installed", "run make install")
    return Finding("packages", stamp.stat().st_mtime >= lock.stat().st_mtime, "in .venv", "the lock is newer, run make install")


def jars(stamp: Path = UNPACKED) -> Finding:
    """Look whether the jars were fetched and unpacked."""
    return Finding("jars", stamp.exists(), "there" if stamp.exists() else "not fetched", "run make install")


def findings() -> Iterator[Finding]:
    """Yield every finding: the machine's, then the stack's own once what they are made with is
    installed.
    """
    for look in (python, jdk, maven, memory, disk, packages, jars):
        yield look()
    if IMPORTED:
        yield from checkup.findings()
        return
    yield free_ports()
    if packages().fine:
        yield Finding("stack", False, f"not looked at: {LACKS}", "run make doctor; if this is it, make install")


def main() -> None:
    """Print the findings; exit 1 if one of them stands in the way."""
    fine = True
    for finding in findings():
        sys.stdout.write(f"{finding}\n")
        fine &= finding.fine
    sys.exit(0 if fine else 1)


if __name__ == "__main__":
    main()
