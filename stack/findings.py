"""What doctor and checkup report, and what both look at: the disk and the default ports; on any
bare Python 3.8 or later.
"""

from __future__ import annotations  # a machine that lacks Python 3.11 has an older one

import shutil
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from pipelines.base.paths import ROOT
from stack import ports

try:
    import tomllib
except ImportError:  # before Python 3.11, which doctor says
    READS_TOML = False
else:
    READS_TOML = True

GIB = 2**30
LEAST_DISK = 10


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


def disk(least_gib: int = LEAST_DISK, where: Path = ROOT) -> Finding:
    """Look at the free space in a folder: the repository's, where the state lies too unless the
    settings say otherwise.
    """
    free = shutil.disk_usage(where).free / GIB
    return Finding("disk", free >= least_gib, f"{free:.0f} GiB free", f"make room, {least_gib} GiB are needed")


def default_ports(conf: Path = ROOT / "conf" / "local.toml") -> dict[str, int]:
    """Return every port that conf/local.toml names, by section and key; needs READS_TOML."""
    sections = {name: s for name, s in tomllib.loads(conf.read_text()).items() if isinstance(s, dict)}
    named = {
        f"{name}.{key}": v for name, s in sections.items() for key, v in s.items() if key.endswith(("port", "url", "servers"))
    }
    return {name: port for name, value in named.items() if (port := _port(value))}


def _port(value: object) -> int | None:
    if isinstance(value, int):
        return value
    url = str(value) if "//" in str(value) else f"//{value}"
    return urlsplit(url).port


def free_ports() -> Finding:
    """Look whether the default ports are free; only before the installation, when nothing can be
    ours.
    """
    if not READS_TOML:
        return Finding("ports", True, "not looked at: this Python cannot read conf/local.toml")
    taken = [f"{port} ({name})" for name, port in default_ports().items() if not ports.free(port)]
    remedy = "stop what uses them, or choose others in conf/local.toml"
    return Finding("ports", not taken, f"in use: {', '.join(taken)}" if taken else "free", remedy)
