"""Says what is missing on this machine and what to do; runs on any bare Python 3.8 or later, before
anything is installed.
"""

from __future__ import annotations  # a machine that lacks Python 3.11 has an older one

import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from pipelines.base import java
from pipelines.base.errors import TidemarkError
from stack import ports

ROOT = Path(__file__).resolve().parents[1]
INSTALLED = ROOT / ".venv" / ".installed"
UNPACKED = ROOT / ".tidemark" / "jars" / "unpacked" / ".unpacked"
GIB = 2**30
LEAST_DISK, LEAST_MEMORY = 10, 8


@dataclass(frozen=True)
class Finding:
    """One thing looked at: whether it is fine, what was found, and what to do if it is not."""

    what: str
    fine: bool
    found: str
    remedy: str = ""

    def __str__(self) -> str:
        """Return the finding as one line."""
        return f"  {'✓' if self.fine else '✗'} {self.what:<12} {self.found}" + ("" if self.fine else f": {self.remedy}")


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


def disk(least_gib: int = LEAST_DISK, where: Path = ROOT) -> Finding:
    """Look at the free space in a folder: the repository's, where the state lies too unless the
    settings say otherwise.
    """
    free = shutil.disk_usage(where).free / GIB
    return Finding("disk", free >= least_gib, f"{free:.0f} GiB free", f"make room, {least_gib} GiB are needed")


def memory(least_gib: int = LEAST_MEMORY) -> Finding:
    """Look at the machine's memory."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB
    return Finding("memory", total >= least_gib, f"{total:.1f} GiB", f"the whole demo needs {least_gib} GiB")


def packages(stamp: Path = INSTALLED, lock: Path = ROOT / "requirements.lock") -> Finding:
    """Look whether .venv holds what the lock says."""
    if not stamp.exists():
        return Finding("packages", False, "not installed", "run make install")
    return Finding("packages", stamp.stat().st_mtime >= lock.stat().st_mtime, "in .venv", "the lock is newer, run make install")


def jars(stamp: Path = UNPACKED) -> Finding:
    """Look whether the jars were fetched and unpacked."""
    return Finding("jars", stamp.exists(), "there" if stamp.exists() else "not fetched", "run make install")


def _port(value: object) -> int | None:
    if isinstance(value, int):
        return value
    url = str(value) if "//" in str(value) else f"//{value}"
    return urlsplit(url).port


def default_ports(conf: Path = ROOT / "conf" / "local.toml") -> dict[str, int]:
    """Return every port that conf/local.toml names, by section."""
    import tomllib  # only from Python 3.11 on

    sections = {name: s for name, s in tomllib.loads(conf.read_text()).items() if isinstance(s, dict)}
    named = {
        f"{name}.{key}": v for name, s in sections.items() for key, v in s.items() if key.endswith(("port", "url", "servers"))
    }
    return {name: port for name, value in named.items() if (port := _port(value))}


def free_ports() -> Finding:
    """Look whether the default ports are free; only before the installation, when nothing can be
    ours.
    """
    taken = [f"{port} ({name})" for name, port in default_ports().items() if not ports.free(port)]
    remedy = "stop what uses them, or choose others in conf/local.toml"
    return Finding("ports", not taken, f"in use: {', '.join(taken)}" if taken else "free", remedy)


def findings() -> Iterator[Finding]:
    """Yield every finding, the machine's first; the stack's own once there is something installed
    to ask it with.
    """
    for look in (python, jdk, maven, memory, disk, packages, jars):
        yield look()
    if not find_spec("tomllib"):  # a Python too old to read the settings, which was said above
        return
    if find_spec("pydantic"):
        from stack import checkup  # needs the installed packages

        yield from checkup.findings()
    else:
        yield free_ports()


def main() -> None:
    """Print the findings; exit 1 if one of them stands in the way."""
    fine = True
    for finding in findings():
        sys.stdout.write(f"{finding}\n")
        fine &= finding.fine
    sys.exit(0 if fine else 1)


if __name__ == "__main__":
    main()
